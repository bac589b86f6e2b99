"""Reference vectors of a clip, and a stub of the models that made them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.runs.benchmark import Part

DIM = 8


def make_parts(seed: int = 0, half: bool = False) -> list[Part]:
    """The parts of a clip with a face and an object; `half`: CLIP's as float16."""
    rng = np.random.default_rng(seed)

    def vectors(count: int, halved: bool = False) -> np.ndarray:
        made = rng.normal(size=(count, DIM)).astype(np.float32)
        return made.astype(np.float16).astype(np.float32) if halved else made

    return [
        Part("text", None, vectors(1, half)),
        Part("video", None, vectors(3, half)),
        Part("subject", "man", vectors(3)),
        Part("object", "blue cap", vectors(2)),
        Part("face", None, vectors(2)),
    ]


def are_same(one: Sequence[Part], other: Sequence[Part]) -> bool:
    """Whether two lists of parts are equal to the last bit."""
    return [_to_tuple(part) for part in one] == [_to_tuple(part) for part in other]


def _to_tuple(part: Part) -> tuple[Any, ...]:
    vectors = None if part.vectors is None else (part.vectors.dtype.str, part.vectors.tolist())
    return part.kind, part.tag, vectors, part.reason


class OneModel:
    """A stub for every model: vectors of `dim` numbers that depend on the input."""

    def __init__(self, dim: int = DIM) -> None:
        self.dim = dim

    def get(self, name: str) -> "OneModel":
        return self

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text)] * self.dim for text in texts], np.float32)
