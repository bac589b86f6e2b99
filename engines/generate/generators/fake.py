"""A generator without weights: moving bars whose colours depend on the prompt and its clips.

Rehearses the whole stage and its faults: a word of the prompt such as `fault=exit` triggers one.
"""

import hashlib
import time
from collections.abc import Sequence

import numpy as np

from data.records import Request
from data.specs.pipeline import GenerateSpec
from engines.files.access import STRICT, UrlPolicy
from engines.generate.protocol import Attribution, Clip, ClipInputs, LatentCacheUse, Speed
from engines.generate.ragme.rag_init import weigh_clips
from engines.video.decoders.fake import trigger_fault

VERSION = "1"
MAX_WORDS = 77  # as many as CLIP's text encoder has tokens


def digests(spec: GenerateSpec) -> dict[str, str]:
    """Placeholders: there are no weights to digest."""
    return {"model": "fake", "controller": "fake"}


class Generator:
    """Draws a bar that moves over the mean of the clips, or over grey if there are none.

    Words of a prompt give orders: `fault=exit`, `fault=raise` and `fault=hang` strike as in the
    fake decoder, `fits=2` is the largest batch that memory allows, `seconds=0.5` makes it slow.
    A prompt of more than 77 words is rejected.
    """

    clip_inputs = ClipInputs(pixels=True)
    image_replaces_clips = False

    def __init__(self, spec: GenerateSpec) -> None:
        self.spec, self.cache_use = spec, LatentCacheUse()

    def load(self, speed: Speed, policy: UrlPolicy = STRICT) -> None:
        """Nothing to load."""

    def explain_rejection(self, request: Request) -> str | None:
        words = len(request.prompt.split())
        return f"{words} tokens, {MAX_WORDS} at most" if words > MAX_WORDS else None

    def attribute(self, request: Request, clips: Sequence[Clip]) -> Attribution:
        return Attribution(weigh_clips(clips, self.spec))

    def generate(self, requests: Sequence[Request], clips: Sequence[Sequence[Clip]]) -> np.ndarray:
        for orders in [_parse_orders(request.prompt) for request in requests]:
            # Before the sleep: running out of memory is noticed at once, not after the work.
            if len(requests) > int(orders.get("fits", len(requests))):
                raise MemoryError(f"a rehearsed fault: {len(requests)} videos do not fit")
            time.sleep(float(orders.get("seconds", 0)))
            trigger_fault(orders.get("fault"))
        return np.stack([self._draw_video(r, c) for r, c in zip(requests, clips, strict=True)])

    def _draw_video(self, request: Request, clips: Sequence[Clip]) -> np.ndarray:
        """(frames, height, width, 3) uint8."""
        spec = self.spec
        video = np.full((spec.frames, spec.height, spec.width, 3), 128, np.uint8)
        pixels = [clip.pixels for clip in clips if clip.pixels is not None]
        if pixels:
            video[:] = np.mean(pixels, axis=0).astype(np.uint8).transpose(0, 2, 3, 1)
        # Three bytes of the digest are the bar's colour, the fourth is where it starts.
        digest = hashlib.sha256(f"{request.prompt}\n{request.seed}".encode()).digest()
        wide = max(1, spec.width // 8)
        for number, frame in enumerate(video):
            left = (digest[3] + number * wide // 2) % spec.width
            frame[:, left : left + wide] = np.frombuffer(digest, np.uint8, 3)
        return video


def _parse_orders(prompt: str) -> dict[str, str]:
    """The `name=value` words of a prompt."""
    # Words without a sign are the prompt itself.
    pairs = (word.partition("=") for word in prompt.split())
    return {name: value for name, sign, value in pairs if sign}
