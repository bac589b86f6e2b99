"""What a step of training is shown: windows of videos, and of their neighbours."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from data.errors import UserError
from data.specs.train import TrainSpec
from engines.train.frame_store import Shelf


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
class Footage:
    """A corpus as a controller learns from it: row by row its frames, captions and neighbours.

    `neighbours` (videos, k) are rows, -1 where there are no more.
    """

    latents: Shelf
    tokens: Shelf
    captions: Any
    neighbours: np.ndarray


class Examples:
    """Draws batches; what is drawn hangs on the generator of random numbers alone."""

    def __init__(self, footage: Footage, spec: TrainSpec) -> None:
        self.footage, self.spec = footage, spec
        self.targets = np.flatnonzero(footage.latents.counts >= spec.frames)
        if not len(self.targets):
            seconds = spec.frames / spec.lesson.fps
            raise UserError(
                f"no video has {spec.frames} frames at {spec.lesson.fps:g} a second"
                f" ({seconds:g} s): ask for fewer --frames, or a higher --fps"
            )

    @property
    def dim(self) -> int:
        """The width of frame vectors."""
        return self.footage.tokens.frames.shape[2]

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch: targets, each with a random window and some of its neighbours.

        Texts and clips are left out at random, each by itself; so that any number of clips is
        known, of n neighbours a random 1 to n are present. Windows of short neighbours go on with
        their last frame.
        """
        rows = rng.choice(self.targets, self.spec.batch)
        clips = [self._clips(rng, row) for row in rows]
        dropped = rng.random(len(rows)) < self.spec.text_dropout
        captions = [self.footage.captions[int(row)].as_py() or "" for row in rows]
        return Batch(
            np.stack([self._window(rng, self.footage.latents, row) for row in rows]).swapaxes(1, 2),
            ["" if drop else said for drop, said in zip(dropped, captions, strict=True)],
            np.stack([tokens for tokens, _ in clips]),
            np.stack([present for _, present in clips]),
        )

    def _clips(self, rng: np.random.Generator, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens (k, F, dim) of a target's neighbours, and which of them are present (k,)."""
        k, shelf = self.spec.lesson.k, self.footage.tokens
        every = slice(None, None, self.spec.token_every)
        frames = len(range(self.spec.frames)[every])
        tokens = np.zeros((k, frames, self.dim), np.float32)
        there = [n for n in self.footage.neighbours[row] if n >= 0 and shelf.counts[n] > 0]
        kept = list(rng.permutation(there)[: rng.integers(len(there)) + 1]) if there else []
        if rng.random() < self.spec.retrieval_dropout:
            kept = []
        for place, neighbour in enumerate(kept):
            tokens[place] = _unit(self._window(rng, shelf, neighbour)[every])
        return tokens, np.arange(k) < len(kept)

    def _window(self, rng: np.random.Generator, shelf: Shelf, row: int) -> np.ndarray:
        """(frames, …) float32, from a random moment on."""
        count = int(shelf.counts[row])
        start = rng.integers(max(1, count - self.spec.frames + 1))
        places = np.minimum(start + np.arange(self.spec.frames), count - 1)
        return shelf.frames[row][places].astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
