"""Trains a refiner on clean windows of clips, and measures it on held-out ones."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.specs.train_refiner import TrainRefinerSpec
from engines.base import load_plugin
from engines.checkpoint import load_weights, read_weights
from engines.device import deterministic_inference
from engines.refine.networks import save_network
from engines.refine.training.windows import ClipSource, Examples, corrupt_windows, measure_psnr
from engines.refine.weights import LISTED, find_weights
from engines.train.early_stop import EarlyStop
from engines.train.loop import RESUME, Schedule, train_model

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "refiner.safetensors"
LOG_EVERY, MEASURED = 25, 16  # steps; held-out windows of a measurement
PRECISION = {"fp32": "no", "bf16": "bf16"}
DTYPES = {"fp32": "float32", "fp16": "float16"}


class RefinerTrainer:
    """Trains one refiner on one source of clips."""

    def __init__(
        self, spec: TrainRefinerSpec, clips: ClipSource, threads: int | None = None
    ) -> None:
        import torch
        from accelerate import PartialState

        if threads:
            torch.set_num_threads(threads)
        team = PartialState()
        self.spec, self.clips = spec, clips
        self.device, self.leads = team.device, team.is_main_process
        torch.manual_seed(spec.seed)
        self.objective = load_plugin("refine.objectives", spec.refiner).Objective(spec)
        if spec.start:
            start_from(self.objective.network, spec.refiner, spec.start)
        self.early_stop = EarlyStop(lambda: float(self.measure().mean()), spec.patience)

    def train(self, out: Path, on_progress: Callable[[int, float], None]) -> None:
        """Trains, or resumes from `out/resume.pt`, and writes `out/refiner.safetensors`."""
        import torch

        spec = self.spec
        schedule = Schedule(
            spec.steps, spec.rate, spec.batch, spec.seed, spec.average,
            spec.evaluate_every, LOG_EVERY, PRECISION[spec.precision],
        )  # fmt: skip
        train_model(
            self.objective.trained, self.loss, schedule, out / RESUME, on_progress, self.early_stop
        )
        if self.leads:
            dtype = getattr(torch, DTYPES[spec.stored])
            save_network(self.objective.network, spec.refiner, out / WEIGHTS, dtype)

    def loss(self, rng: np.random.Generator) -> "Tensor":
        """The objective's loss of a batch that `rng` draws."""
        with _plain_attention(self.device.type):
            return self.objective.loss(*self._to_tensors(self.draw(rng, held_out=False)))

    def draw(self, rng: np.random.Generator, held_out: bool, count: int | None = None) -> Examples:
        """Corrupted windows; a VQ autoencoder's are as they were."""
        clean = self.clips.draw(rng, count or self.spec.batch, held_out)
        if not self.objective.corrupts:
            return Examples(clean, clean, np.zeros(clean.shape[:-1], bool))
        return corrupt_windows(rng, clean, self.spec.corrupt)

    def measure(self) -> np.ndarray:
        """PSNR in dB of restored held-out windows, always the same ones."""
        return measure_psnr(*self.restore_held_out())

    def restore_held_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Held-out windows restored, and as they were."""
        rng, restored, clean = np.random.default_rng([self.spec.seed, 6]), [], []
        for _ in range(0, MEASURED, self.spec.batch):
            examples = self.draw(rng, held_out=True)
            _, corrupted, holes = self._to_tensors(examples)
            with deterministic_inference(), _plain_attention(self.device.type):
                pixels = self.objective.restore(corrupted, holes).float()
            restored.append(pixels.movedim(1, -1).cpu().numpy())
            clean.append(examples.clean)
        return np.concatenate(restored), np.concatenate(clean)

    def _to_tensors(self, examples: Examples) -> tuple["Tensor", "Tensor", "Tensor"]:
        import torch

        clean, corrupted, holes = (
            torch.from_numpy(part).to(self.device)
            for part in (examples.clean, examples.corrupted, examples.holes[..., None])
        )
        return clean.movedim(-1, 1), corrupted.movedim(-1, 1), holes.movedim(-1, 1).float()


def start_from(network: "nn.Module", kind: str, weights: str) -> None:
    """Gives a network the weights of an earlier training; a UserError names those that do not fit.

    Sizes are the new network's: those of the file may differ in nothing that has parameters.
    """
    file = find_weights(kind, weights)
    load_weights(network, read_weights(file), f"{kind} in {file}", LISTED)
    network.train().requires_grad_(True)


def _plain_attention(device: str) -> AbstractContextManager[None]:
    """On a CPU the plain kernel is a quarter faster: sequences are of a few frames."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext()
