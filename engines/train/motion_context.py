"""Trains MotionRAG's context transformer on stored features; no video is decoded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.specs.train_motion import TrainContextSpec
from data.store.motion_features import ClipFeatures, CorruptFeatures
from engines.generate.lru import Cache
from engines.generate.motionrag.release import load_context, release_folder
from engines.generate.motionrag.release_writing import replace_context
from engines.train.loop import RESUME, Schedule, train_model
from engines.train.motion_losses import compute_context_loss

if TYPE_CHECKING:
    from torch import Tensor

SAVE_EVERY, LOG_EVERY = 250, 25
PRECISION = {"fp32": "no", "bf16": "bf16"}
BETAS = 0.9, 0.999
CACHE_BYTES = 1 << 30  # 1,700 clips at the published size


@dataclass(frozen=True)
class ContextExamples:
    """A corpus's clips by row: their contents, and their references by row, the best first.

    `lookup` reads a content's features, of which the latest are kept in memory.
    """

    contents: Sequence[str]
    references: Sequence[Sequence[int]]
    lookup: Callable[[str], ClipFeatures | None]
    kept: Cache[ClipFeatures] = field(
        default_factory=lambda: Cache[ClipFeatures](CACHE_BYTES, _count_bytes), compare=False
    )

    @property
    def targets(self) -> np.ndarray:
        """The rows of clips that have references."""
        return np.flatnonzero([len(each) > 0 for each in self.references])

    def draw(self, rng: np.random.Generator, count: int) -> list[list[ClipFeatures]]:
        """Of `count` random clips the slots: references, the least similar first, and the clip."""
        rows = rng.choice(self.targets, count)
        return [
            [self._read(each) for each in (*reversed(self.references[row]), row)] for row in rows
        ]

    def _read(self, row: int) -> ClipFeatures:
        content = self.contents[row]
        return self.kept.get_all({content: row}, self._look_up)[content]

    def _look_up(self, missing: dict[str, int]) -> dict[str, ClipFeatures]:
        found = {}
        for content in missing:
            features = self.lookup(content)
            if features is None or features.patches is None:
                raise CorruptFeatures(
                    f"{content} has no stored patches: run `reelflow motion-features` with"
                    " --patches"
                )
            found[content] = features
        return found


class ContextTrainer:
    """Trains a release's context transformer, its start and its appearance resampler."""

    def __init__(
        self, spec: TrainContextSpec, examples: ContextExamples, threads: int | None = None
    ) -> None:
        import torch
        from accelerate import PartialState

        if threads:
            torch.set_num_threads(threads)
        team = PartialState()
        if not len(examples.targets):
            raise UserError("no clip has a reference to be predicted from: add clips, or captions")
        self.spec, self.examples = spec, examples
        self.device, self.leads = team.device, team.is_main_process
        torch.manual_seed(spec.seed)
        folder = release_folder(spec.controller)
        self.model = load_context(folder, fresh=spec.fresh).to(self.device).float()
        self.model.requires_grad_(True)

    def loss(self, rng: np.random.Generator) -> "Tensor":
        """The mean over a batch; clips may have fewer references than others."""
        import torch

        drawn = self.examples.draw(rng, self.spec.batch)
        # Clips with fewer references make shorter sequences, which do not stack with the others.
        losses = [self._compare(clips) * len(clips) for clips in _group_by_length(drawn)]
        return torch.stack(losses).sum() / len(drawn)

    def _compare(self, clips: list[list[ClipFeatures]]) -> "Tensor":
        motions = self._stack(clips, "motion")
        patches = self._stack(clips, "patches")
        seen = self.model.condition_proj(patches.flatten(0, 1)).unflatten(0, patches.shape[:2])
        return compute_context_loss(self.model(motions, seen).float(), motions)

    def _stack(self, clips: list[list[ClipFeatures]], name: str) -> "Tensor":
        import torch

        arrays = np.stack([[getattr(slot, name) for slot in slots] for slots in clips])
        return torch.from_numpy(arrays.astype(np.float32)).to(self.device)

    def train(self, out: Path, on_progress: Callable[[int, float], None]) -> None:
        """Trains, or resumes from `out/resume.pt`, and writes a release's folder at `out`."""
        spec = self.spec
        schedule = Schedule(
            spec.steps, spec.rate, spec.batch, spec.seed, spec.average, SAVE_EVERY, LOG_EVERY,
            PRECISION[spec.precision], spec.clip_gradient, BETAS, constant=True,
        )  # fmt: skip
        train_model(self.model, self.loss, schedule, out / RESUME, on_progress)
        if self.leads:
            replace_context(release_folder(spec.controller), self.model, out)


def _count_bytes(features: ClipFeatures) -> int:
    arrays = features.motion, features.appearance, features.patches
    return sum(each.nbytes for each in arrays if each is not None)


def _group_by_length(drawn: list[list[ClipFeatures]]) -> list[list[list[ClipFeatures]]]:
    groups: dict[int, list[list[ClipFeatures]]] = {}
    for slots in drawn:
        groups.setdefault(len(slots), []).append(slots)
    return list(groups.values())
