"""The clips that a video is conditioned on: pixels and frame vectors of a window of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from data.outcome import Failed
from data.records import Request
from data.specs.pipeline import EmbedSpec, GenerateSpec
from engines.generate.lru import Cache
from engines.generate.protocol import Clip, Wants
from engines.generate.tokens import Stored, Tokens
from engines.generate.windows import Found, Look, Window, decoded, window
from engines.video.frames import Resize
from engines.video.guard.guard import Guard

CACHE_BYTES = 512 << 20  # 130 windows of 12 frames of 448x256


class ClipError(Exception):
    """The video `video_id` cannot condition anything; `detail` says why."""

    def __init__(self, video_id: str, detail: str) -> None:
        super().__init__(f"{video_id}: {detail}")
        self.video_id, self.detail = video_id, detail


@dataclass(frozen=True, slots=True)
class Saved:
    """Windows decoded and reused; frame vectors of windows made, reused, and taken from storage."""

    pixels_made: int
    pixels_reused: int
    tokens_made: int
    tokens_reused: int
    tokens_stored: int


class Clips:
    """Conditioning clips as `spec` and `wants` say, frame vectors by the model of `clip`.

    The same source gives the same clip to every request: decoded once, failed once. `stored` tells
    the frame vectors that there are already of a clip's content.
    """

    def __init__(
        self,
        spec: GenerateSpec,
        clip: EmbedSpec,
        wants: Wants,
        guard: Guard,
        stored: Stored | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.spec, self.wants, self.guard = spec, wants, guard
        self._pixels = Cache[Found](cache_bytes, _size)
        self._vectors = Cache[Found](cache_bytes, _size)
        self._look = _look(spec, clip.decoder)
        self._tokens = Tokens(spec, clip, guard, self._pixels_of, stored)

    def load(self, threads: int | None = None) -> None:
        """Loads the model where frame vectors are wanted."""
        if self.wants.tokens:
            self._tokens.load(threads)

    def of(self, request: Request) -> list[Clip]:
        """The request's clips by rank; a ClipError for the first that cannot be decoded."""
        ranked = sorted(request.sources, key=lambda source: source.rank)
        windows = [window(source, self.spec) for source in ranked]
        by_key = {one.key: one for one in windows}
        pixels = self._pixels_of(by_key) if self.wants.pixels else {}
        tokens = self._vectors.all(by_key, self._tokens.of) if self.wants.tokens else {}
        return [_clip(one, pixels.get(one.key), tokens.get(one.key)) for one in windows]

    def saved(self) -> Saved:
        """What was made so far, and what was there already."""
        pixels, vectors, stored = self._pixels, self._vectors, self._tokens.taken
        return Saved(pixels.made, pixels.reused, vectors.made - stored, vectors.reused, stored)

    def _pixels_of(self, windows: Mapping[str, Window]) -> dict[str, Found]:
        return self._pixels.all(windows, lambda some: decoded(self.guard, some, self._look))


def _look(spec: GenerateSpec, decoder: str) -> Look:
    """Pictures that cover the generated size, or RAGME's: stretched to it, black after the end."""
    compat = spec.rag.compat
    stretched, black = "stretched" in compat, "absent_as_grey" in compat
    shape = Resize(spec.height, "squash" if stretched else "shortest", width=spec.width)
    return Look(spec.fps, spec.frames, shape, decoder, black)


def _clip(one: Window, pixels: Found | None, tokens: Found | None) -> Clip:
    for found in (pixels, tokens):
        if isinstance(found, Failed):
            raise ClipError(one.source.video_id, f"{found.reason}: {found.detail}")
    assert not isinstance(pixels, Failed) and not isinstance(tokens, Failed)
    return Clip(one.source, one.start_s, one.key, pixels, tokens)


def _size(found: Found) -> int:
    return 0 if isinstance(found, Failed) else found.nbytes
