"""The options that the training scripts of the bundled model share."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from engines.bundled import TEXT_TO_VIDEO
from engines.train.loop import Schedule


@dataclass(frozen=True)
class Given:
    """What was asked for on the command line."""

    schedule: Schedule
    checkpoint: Path
    folder: Path
    device: str

    def told(self, step: int, loss: float) -> None:
        """Says how far training is."""
        print(f"step {step} loss {loss:.4f}", flush=True)


def given(about: str | None, schedule: Schedule, name: str) -> Given:
    """Reads the command line, and gives torch its threads."""
    import torch

    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--steps", type=int, default=schedule.steps)
    parser.add_argument("--seed", type=int, default=schedule.seed)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=Path(f"var/t2v-{name}.pt"))
    parser.add_argument("--folder", type=Path, default=TEXT_TO_VIDEO)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    schedule = replace(schedule, steps=asked.steps, seed=asked.seed)
    return Given(schedule, asked.checkpoint, asked.folder, asked.device)
