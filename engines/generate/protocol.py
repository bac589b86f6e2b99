"""What a generator is: a module in `engines/generate/`, and what it is given and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data.records import Request, Source


@dataclass(frozen=True, slots=True)
class Wants:
    """What of a retrieved clip a generator takes: its pixels, its frame vectors."""

    pixels: bool = False
    tokens: bool = False


@dataclass(frozen=True, slots=True)
class Clip:
    """A window of a retrieved clip, as a generator takes it.

    `pixels` (frames, 3, height, width) uint8 RGB at the generated size and rate, frames that a
    short clip lacks repeated from its last; `tokens` (n, dim) float32, the frame vectors of every
    `token_every`th of them, not normalised. Either is None where the generator does not want it.
    `key` is the same for the same window of the same bytes: what caches go by.
    """

    source: Source
    start_s: float
    key: str
    pixels: np.ndarray | None = None
    tokens: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """How a generator is set up, of no effect on what it gives."""

    threads: int | None = None
    compile: bool = False
    offload: bool = False
    vae_slicing: bool = True


@dataclass(slots=True)
class Spent:
    """What a generator's caches saved: latents of clips that it had, and had not."""

    latents_reused: int = 0
    latents_made: int = 0


class Generator(Protocol):
    """A module in `engines/generate/` has a class `Generator(spec)`, `VERSION`, `digests(spec)`.

    `digests(spec)` names what was loaded by content: {"model": hex, "controller": hex}. The same
    request and clips give the same video, whatever the batch they come in.
    """

    wants: Wants
    spent: Spent

    def load(self, speed: Speed) -> None: ...

    def refusal(self, request: Request) -> str | None:
        """Why this request cannot be generated as it is asked, as a prompt that is too long."""
        ...

    def generate(self, requests: Sequence[Request], clips: Sequence[Sequence[Clip]]) -> np.ndarray:
        """(n, frames, height, width, 3) uint8 RGB, one video a request."""
        ...
