"""A generator of no weights: moving bars whose colours follow from the prompt and its clips.

Rehearses the whole stage and its faults: a word of the prompt as `fault=exit` strikes.
"""

import hashlib
import time
from collections.abc import Sequence

import numpy as np

from data.records import Request
from data.specs.pipeline import GenerateSpec
from engines.generate.protocol import Clip, Speed, Spent, Wants
from engines.video.decoders.fake import strike

VERSION = "1"
MOST_WORDS = 77


def digests(spec: GenerateSpec) -> dict[str, str]:
    """Stand for weights that there are none of."""
    return {"model": "fake", "controller": "fake"}


class Generator:
    """A bar that wanders over the mean of the clips, or over grey where there are none.

    Words of a prompt are orders: `fault=exit`, `fault=raise` and `fault=hang` strike as in the
    fake decoder, `fits=2` is the largest batch that memory allows, `seconds=0.5` makes it slow.
    More than 77 words are too many.
    """

    wants = Wants(pixels=True)

    def __init__(self, spec: GenerateSpec) -> None:
        self.spec, self.spent = spec, Spent()

    def load(self, speed: Speed) -> None:
        """Nothing to load."""

    def refusal(self, request: Request) -> str | None:
        words = len(request.prompt.split())
        return f"{words} tokens, {MOST_WORDS} at most" if words > MOST_WORDS else None

    def generate(self, requests: Sequence[Request], clips: Sequence[Sequence[Clip]]) -> np.ndarray:
        orders = [_orders(request.prompt) for request in requests]
        for asked in orders:
            if len(requests) > int(asked.get("fits", len(requests))):
                raise MemoryError(f"a rehearsed fault: {len(requests)} videos do not fit")
            time.sleep(float(asked.get("seconds", 0)))
            strike(asked.get("fault"))
        return np.stack([self._video(r, c) for r, c in zip(requests, clips, strict=True)])

    def _video(self, request: Request, clips: Sequence[Clip]) -> np.ndarray:
        """(frames, height, width, 3) uint8."""
        spec = self.spec
        video = np.full((spec.frames, spec.height, spec.width, 3), 128, np.uint8)
        pixels = [clip.pixels for clip in clips if clip.pixels is not None]
        if pixels:
            video[:] = np.mean(pixels, axis=0).astype(np.uint8).transpose(0, 2, 3, 1)
        drawn = hashlib.sha256(f"{request.prompt}\n{request.seed}".encode()).digest()
        wide = max(1, spec.width // 8)
        for number, frame in enumerate(video):
            left = (drawn[3] + number * wide // 2) % spec.width
            frame[:, left : left + wide] = np.frombuffer(drawn, np.uint8, 3)
        return video


def _orders(prompt: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in prompt.split())
    return {name: value for name, sign, value in pairs if sign}
