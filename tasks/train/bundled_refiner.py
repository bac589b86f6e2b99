"""Trains bundled refiners on rendered shapes: `python -m tasks.train.bundled_refiner unet|vq`."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.specs.refine import RefineSpec
from data.specs.train_refiner import ClipsSpec, CorruptSpec, TrainRefinerSpec
from engines.bundled import REFINERS
from engines.refine.plugins import build_refiner
from engines.refine.protocol import Refiner, Windows
from engines.refine.training.trainer import WEIGHTS, RefinerTrainer
from engines.refine.training.windows import corrupt_windows, crop_windows, measure_psnr
from engines.tiny.render import render_frames
from engines.tiny.scene import FPS, HELD_OUT, TRAINED, draw_scene

PIXELS = 64
CLASSICAL = "temporal_median", "bilateral", "nl_means"  # what the gains are compared with
DEVIATIONS = 0.0, 0.01, 0.02, 0.03, 0.05
RATES = (4, 8, 12, 25)  # frames per second, of which each window has one
# One after another, each from the weights of the one before. Holes are not taught: 250 steps with a
# quarter of the windows masked cost the degrainer 1 to 2 dB.
SPECS = {
    "unet": (
        TrainRefinerSpec(
            clips=ClipsSpec(most=8), corrupt=CorruptSpec(masked=0), window=8, crop=32, batch=2,
            architecture={"dim": 16, "heads": 2, "head_width": 16}, steps=350, rate=2e-3,
            evaluate_every=50, average=0.98,
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
    parser.add_argument("--measure", action="store_true", help="Measure the weights in --out.")
    options = parser.parse_args()
    if options.measure:
        print_gains(options.refiner, options.out / f"{options.refiner}.safetensors")
        return
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


def print_gains(name: str, weights: Path, windows: int = 16) -> None:
    """Prints PSNR before and after the refiner, of held-out windows with grain.

    A line for each filter that learned nothing comes after those of the refiner.
    """
    clean = draw_held_out(name, windows)
    refiners = {each: RefineSpec(refiner=each) for each in CLASSICAL}
    for label, spec in {name: RefineSpec(refiner=name, weights=str(weights)), **refiners}.items():
        refiner = build_refiner(spec)
        refiner.load()
        for deviation in DEVIATIONS:
            before, after = measure_gain(refiner, clean, deviation)
            print(
                f"{label}, deviation {deviation:g}: {before.mean():.2f} dB to {after.mean():.2f}"
                f" dB, {np.mean(after - before):+.2f} (least {np.min(after - before):+.2f})",
                flush=True,
            )


def draw_held_out(name: str, windows: int) -> np.ndarray:
    """Whole windows of held-out scenes, of the length that a refiner was trained on."""
    whole = SPECS[name][0].model_copy(update={"crop": None})
    return RenderedClips(whole).draw(np.random.default_rng(123), windows, held_out=True)


def measure_gain(
    refiner: Refiner, clean: np.ndarray, deviation: float
) -> tuple[np.ndarray, np.ndarray]:
    """PSNR in dB of each window with grain of a deviation, before and after the refiner."""
    low, high = refiner.shape.values
    exact = CorruptSpec(grain_least=deviation, grain_most=deviation, masked=0)
    noisy = corrupt_windows(np.random.default_rng(7), clean, exact).corrupted
    given = (noisy * (high - low) + low).astype(np.float32)
    restored = refiner.refine(Windows(given, None, tuple(range(len(given)))))
    return measure_psnr(noisy, clean), measure_psnr((restored - low) / (high - low), clean)


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
