"""Models of evaluation that say what a test plants."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import NoReference
from engines.evaluate.vision.registry import ModelRegistry


class Planted(ModelRegistry):
    """Models of which some are given; the others are loaded as they are anywhere."""

    def __init__(self, spec: EvaluateSpec = EvaluateSpec(), **models: Any) -> None:
        super().__init__(spec)
        self._loaded |= models


class Detects:
    """A face detector that finds these boxes, frame by frame."""

    def __init__(self, boxes: Sequence[Any]) -> None:
        self.boxes = boxes

    def detect(self, frames: np.ndarray) -> list[Any]:
        assert len(frames) == len(self.boxes)
        return list(self.boxes)


class Embeds:
    """An encoder whose vectors are what a function makes of a picture; it keeps what it saw."""

    def __init__(self, of: Callable[[np.ndarray], Sequence[float]]) -> None:
        self.of, self.seen = of, []

    def embed(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        self.seen += list(pictures)
        made = [self.of(each) for each in pictures]
        return np.array(made, np.float32).reshape(len(made), -1 if made else 2)

    embed_images = embed


class Flows:
    """Optical flow that is a function of two frames."""

    def __init__(self, of: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        self.of, self.shapes = of, []

    def compute_flow(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        self.shapes.append(earlier.shape)
        return np.stack([self.of(*pair) for pair in zip(earlier, later, strict=True)])


def known(**said: Any) -> NoReference:
    """A ground truth with these values by method, such as `text_vector`; the rest is missing."""
    truth = NoReference()
    for name, value in said.items():
        setattr(truth, name, lambda value=value: value)
    return truth
