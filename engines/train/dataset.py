"""Draws the batches of a training step: windows of videos, and of their neighbours."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from data.errors import UserError
from data.specs.train import TrainSpec
from engines.train.frame_store import FrameStore


@dataclass(frozen=True, slots=True)
class Batch:
    """`latents` (n, C, frames, h, w) float32 of the targets and their `captions`.

    `tokens` (n, k, F, dim) float32 are unit frame vectors of their neighbours, of those that are
    `present` (n, k) bool.
    """

    latents: np.ndarray
    captions: list[str]
    tokens: np.ndarray
    present: np.ndarray


@dataclass(frozen=True)
class TrainingSet:
    """A corpus prepared for training a controller: frames, captions and neighbours by row.

    `neighbours` (videos, k) are rows, -1 after a video's last neighbour. `withdrawn` rows (videos,)
    bool are neither learned nor learned from; None: there are none.
    """

    latents: FrameStore
    tokens: FrameStore
    captions: Any
    neighbours: np.ndarray
    withdrawn: np.ndarray | None = None


class Examples:
    """Draws batches of a training set; they depend on the random generator alone."""

    def __init__(self, training_set: TrainingSet, spec: TrainSpec) -> None:
        self.training_set, self.spec = training_set, spec
        # Shorter videos still serve as neighbours, whose windows may repeat frames.
        gone = training_set.withdrawn
        self.gone = np.zeros(len(training_set.neighbours), bool) if gone is None else gone
        self.targets = np.flatnonzero((training_set.latents.counts >= spec.frames) & ~self.gone)
        if not len(self.targets):
            seconds = spec.frames / spec.lesson.fps
            raise UserError(
                f"no video has {spec.frames} frames at {spec.lesson.fps:g} per second"
                f" ({seconds:g} s): use fewer --frames, or a higher --fps"
            )

    @property
    def dim(self) -> int:
        """The width of frame vectors."""
        return self.training_set.tokens.frames.shape[2]

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch: targets, each with a random window and some of its neighbours.

        Texts and clips are dropped at random, independently. Windows of neighbours that are
        shorter repeat their last frame.
        """
        rows = rng.choice(self.targets, self.spec.batch)
        clips = [self._draw_clips(rng, row) for row in rows]
        dropped = rng.random(len(rows)) < self.spec.text_dropout
        captions = [self.training_set.captions[int(row)].as_py() or "" for row in rows]
        windows = [self._draw_window(rng, self.training_set.latents, row) for row in rows]
        return Batch(
            np.stack(windows).swapaxes(1, 2),
            ["" if drop else text for drop, text in zip(dropped, captions, strict=True)],
            np.stack([tokens for tokens, _ in clips]),
            np.stack([present for _, present in clips]),
        )

    def _draw_clips(self, rng: np.random.Generator, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens (k, F, dim) of a target's neighbours, and which of them are present (k,)."""
        k, store = self.spec.lesson.k, self.training_set.tokens
        every = slice(None, None, self.spec.token_every)
        frames = len(range(self.spec.frames)[every])
        tokens = np.zeros((k, frames, self.dim), np.float32)
        neighbours = self.training_set.neighbours[row]
        # A neighbour may have been left out after it was chosen, as one that cannot be decoded.
        readable = [n for n in neighbours if n >= 0 and store.counts[n] > 0 and not self.gone[n]]
        # A random 1 to n of them, so that the controller works with any number of clips.
        chosen = (
            list(rng.permutation(readable)[: rng.integers(len(readable)) + 1]) if readable else []
        )
        if rng.random() < self.spec.retrieval_dropout:
            chosen = []
        for place, neighbour in enumerate(chosen):
            tokens[place] = _to_unit(self._draw_window(rng, store, neighbour)[every])
        return tokens, np.arange(k) < len(chosen)

    def _draw_window(self, rng: np.random.Generator, store: FrameStore, row: int) -> np.ndarray:
        """(frames, …) float32, from a random moment on."""
        count = int(store.counts[row])
        start = rng.integers(max(1, count - self.spec.frames + 1))
        places = np.minimum(start + np.arange(self.spec.frames), count - 1)
        return store.frames[row][places].astype(np.float32)


def _to_unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
