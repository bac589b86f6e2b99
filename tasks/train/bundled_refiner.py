"""Trains bundled refiners on rendered shapes: `python -m tasks.train.bundled_refiner unet|vq`."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.specs.train_refiner import ClipsSpec, CorruptSpec, TrainRefinerSpec
from engines.bundled import REFINERS
from engines.refine.training.trainer import WEIGHTS, RefinerTrainer
from engines.refine.training.windows import crop_windows
from engines.tiny.render import render_frames
from engines.tiny.scene import FPS, HELD_OUT, TRAINED, draw_scene

PIXELS = 64
MASKS = "tensor_mask", "sequence_mask", "matrix_mask"
RATES = (4, 8, 12, 25)  # frames per second, of which each window has one
# One after another, each from the weights of the one before. Grain first: next to a hole its error
# is so small that a network that is taught both from the start does not learn to take it away.
SPECS = {
    "unet": (
        TrainRefinerSpec(
            clips=ClipsSpec(most=8), corrupt=CorruptSpec(masked=0), window=8, crop=32, batch=2,
            architecture={"dim": 16, "heads": 2, "head_width": 16}, steps=350, rate=2e-3,
            evaluate_every=50, average=0.98,
        ),
        TrainRefinerSpec(
            clips=ClipsSpec(most=8), corrupt=CorruptSpec(masked=0.25, masks=MASKS), window=8,
            crop=32, batch=2, architecture={"dim": 16, "heads": 2, "head_width": 16},
            steps=250, rate=1.5e-3, evaluate_every=50, average=0.98,
        ),
    ),
    "vq": (
        TrainRefinerSpec(
            refiner="vq", clips=ClipsSpec(most=8), window=8, batch=4, steps=700, rate=1.5e-3,
            architecture={"hidden": 64, "layers": 2, "width": 64, "codes": 512,
                          "downsample": (2, 4, 4)},
            evaluate_every=50, average=0.0,
        ),
    ),
}  # fmt: skip


class RenderedClips:
    """Windows of scenes; those held out show combinations that no training window shows."""

    def __init__(self, spec: TrainRefinerSpec) -> None:
        self.spec = spec

    def draw(self, rng: np.random.Generator, count: int, held_out: bool) -> np.ndarray:
        """Windows of scenes as the bundled text-to-video model has them, of random rates."""
        clips = np.stack([self._draw_window(rng, held_out) for _ in range(count)])
        return crop_windows(rng, clips.astype(np.float32) / 255, self.spec.crop)

    def _draw_window(self, rng: np.random.Generator, held_out: bool) -> np.ndarray:
        combinations = sorted(HELD_OUT) if held_out else TRAINED
        scene = draw_scene(rng, combinations[int(rng.integers(len(combinations)))])
        steps = np.arange(self.spec.window) * FPS / rng.choice(RATES)
        start = rng.uniform(0, max(0, scene.frames - 1 - steps[-1]))
        return render_frames(replace(scene, pixels=PIXELS), np.rint(start + steps).astype(int))


def main() -> None:
    """Trains, and writes the weights where the product loads them from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("refiner", choices=sorted(SPECS))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="Folder to train in.")
    parser.add_argument("--out", type=Path, default=REFINERS)
    options = parser.parse_args()
    folder = options.folder or Path("var") / f"refiner-{options.refiner}"
    start = None
    for number, spec in enumerate(SPECS[options.refiner]):
        steps = options.steps or spec.steps
        start = train_part(
            spec.model_copy(update={"steps": steps, "start": start}), folder / str(number),
            options.threads,
        )  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{options.refiner}.safetensors").write_bytes(Path(str(start)).read_bytes())


def train_part(spec: TrainRefinerSpec, folder: Path, threads: int) -> str:
    """Trains by a spec, or resumes in the folder; the file of the weights."""
    trainer = RefinerTrainer(spec, RenderedClips(spec), threads)

    def report_step(step: int, loss: float) -> None:
        last = (trainer.early_stop.scores or [float("nan")])[-1]
        print(f"step {step} loss {loss:.4f} held-out {last:.2f} dB", flush=True)

    trainer.train(folder, report_step)
    return str(folder / WEIGHTS)


if __name__ == "__main__":
    main()
