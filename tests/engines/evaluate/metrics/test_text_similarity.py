"""Text similarity: frames reach the model in batches of a fixed size."""

import numpy as np
import pytest
from support.stubs import Planted

from engines.evaluate.metrics.text_similarity import BATCH, Metric
from engines.evaluate.protocol import Sample
from engines.video.frames import Resize


class Bank:
    """A model whose vector of a picture is its mean colour, and of any text is red."""

    resize = Resize(8)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        self.batches.append(len(pixels))
        return pixels.mean(axis=(2, 3))

    def embed_text(self, texts: list[str]) -> np.ndarray:
        return np.array([[1, 0, 0]] * len(texts), np.float32)


def test_a_long_video_is_given_to_the_model_in_parts() -> None:
    bank, frames = Bank(), np.zeros((2 * BATCH + 3, 8, 8, 3), np.uint8)
    frames[: BATCH + 1, ..., 0] = frames[BATCH + 1 :, ..., 1] = 10
    models = Planted(bank_clip=bank)
    score = Metric(models.spec, models).score(Sample(frames, 8.0, {"prompt": "red"}))
    assert bank.batches == [BATCH, BATCH, 3]
    red, green = BATCH + 1, BATCH + 2
    assert score["text_similarity"].value == pytest.approx(red / np.hypot(red, green))
