"""The generator protocol: what a module in `engines/generate/generators/` gets and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data.records import Request, Source
from data.store.motion_features import ClipFeatures
from engines.files.access import STRICT, UrlPolicy


@dataclass(frozen=True, slots=True)
class ClipInputs:
    """Which inputs a generator takes of a retrieved clip: its pixels, its frame vectors.

    With `features`, those of its motion that the store has take the place of its pixels. `frames`
    at a rate of `fps` are those in the middle of a clip; without, as many as the video has, at its
    rate, from where the seed says.
    """

    pixels: bool = False
    tokens: bool = False
    features: bool = False
    frames: int | None = None
    fps: float | None = None


ABSENT = "absent"  # the key of a clip that stands for a missing hit, as RAGME has them


@dataclass(frozen=True, slots=True)
class Clip:
    """A window of a retrieved clip, as a generator takes it.

    `pixels` (frames, 3, height, width) uint8 RGB at the generated size and rate, frames that a
    short clip lacks repeated from its last; `tokens` (n, dim) float32, the frame vectors of every
    `token_every`th of them, not normalised. Either is None if the generator does not take it.
    `key` is the same for the same window of the same bytes: caches go by it. `features` are those
    that the store has of the clip's motion; then pixels are there only where a video starts from
    the clip.
    """

    source: Source
    start_s: float
    key: str
    pixels: np.ndarray | None = None
    tokens: np.ndarray | None = None
    features: ClipFeatures | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a video was made from: each clip's weight, None for one that had no part, and a picture.

    `image` is where the request's own first frame lies, if the model starts from it.
    """

    weights: tuple[float | None, ...] = ()
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """How a generator is set up; none of it changes what the generator gives."""

    threads: int | None = None  # None: as torch chooses
    compile: bool = False
    offload: bool = False
    vae_slicing: bool = True  # saves memory, gives the same pixels


# The field names are keys of a run's receipts and of its summary's `spared`: they stay.
@dataclass(slots=True)
class LatentCacheUse:
    """Counts of clips whose latents a generator had cached, and had to encode."""

    latents_reused: int = 0
    latents_made: int = 0


class Generator(Protocol):
    """A generator module has a class `Generator(spec)`, `VERSION` and `digests(spec)`.

    `digests(spec)` identifies what is loaded by content: {"model": hex, "controller": hex}. The
    same request and clips give the same video, whatever the batch they come in.
    """

    clip_inputs: ClipInputs
    cache_use: LatentCacheUse
    image_replaces_clips: bool  # whether a request with a picture of its own takes no clips

    def load(self, speed: Speed, policy: UrlPolicy = STRICT) -> None:
        """Loads the models; `policy` limits the URLs that images of requests are opened from."""
        ...

    def explain_rejection(self, request: Request) -> str | None:
        """Why this request cannot be generated, such as a prompt that is too long; None if it can.

        A count of tokens in it ("90 tokens") marks a prompt that is too long.
        """
        ...

    def attribute(self, request: Request, clips: Sequence[Clip]) -> Attribution:
        """What the request's video is made from, of these clips and the request's own picture."""
        ...

    def generate(self, requests: Sequence[Request], clips: Sequence[Sequence[Clip]]) -> np.ndarray:
        """(n, frames, height, width, 3) uint8 RGB, one video per request."""
        ...
