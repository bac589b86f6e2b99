"""The command line that the training scripts of the bundled models share."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from engines.train.loop import Schedule


@dataclass(frozen=True)
class TrainingOptions:
    """The options of the command line."""

    schedule: Schedule
    checkpoint: Path
    folder: Path
    device: str
    again: bool  # from the weights in the folder, not from untrained ones

    def print_progress(self, step: int, loss: float) -> None:
        """Prints the step and the loss."""
        print(f"step {step} loss {loss:.4f}", flush=True)


def parse_options(
    about: str | None, schedule: Schedule, name: str, folder: Path, *, goes_on: bool = False
) -> TrainingOptions:
    """Parses the command line of a part's script, and sets torch's threads.

    The part's `name` is that of its checkpoint; `folder` is its pipeline's. A part that `goes_on`
    can be trained further from there, with a checkpoint of its own.
    """
    import torch

    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--steps", type=int, default=schedule.steps)
    parser.add_argument("--seed", type=int, default=schedule.seed)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=Path(f"var/{name}.pt"))
    parser.add_argument("--folder", type=Path, default=folder)
    if goes_on:
        about_again = "train the folder's weights further"
        parser.add_argument("--again", action="store_true", help=about_again)
    options = parser.parse_args()
    if again := goes_on and options.again:
        # The finished training's own would end this one before its first step.
        options.checkpoint = options.checkpoint.with_stem(f"{options.checkpoint.stem}-again")
    torch.set_num_threads(options.threads)
    schedule = replace(schedule, steps=options.steps, seed=options.seed)
    where = (options.checkpoint, options.folder, options.device)
    return TrainingOptions(schedule, *where, again)
