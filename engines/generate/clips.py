"""Loads the clips that a video is conditioned on: pixels and frame vectors of a window of each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from data.outcome import Failed, Reason
from data.records import Request, Source
from data.specs.pipeline import EmbedSpec, GenerateSpec
from data.store.motion_features import ClipFeatures, CorruptFeatures, StoredFeatures
from engines.generate.lru import Cache
from engines.generate.protocol import ABSENT, Clip, ClipInputs
from engines.generate.tokens import ClipTokens, StoredLookup
from engines.generate.windows import (
    ArrayOrFailed,
    Window,
    WindowFormat,
    decode_windows,
    draw_window,
)
from engines.video.frames import Resize
from engines.video.guard.guard import Guard

CACHE_BYTES = 512 << 20  # 130 windows of 12 frames of 448x256
NO_SOURCE = Source(rank=0, video_id="", content="", score=0.0, uri="")


class ClipError(Exception):
    """The video `video_id` cannot condition anything; `detail` says why, `reason` of which kind."""

    def __init__(self, video_id: str, detail: str, reason: Reason = "rejected") -> None:
        super().__init__(f"{video_id}: {detail}")
        self.video_id, self.detail, self.reason = video_id, detail, reason


# The field names are keys of a run's receipts and of its summary's `spared`: they stay.
@dataclass(frozen=True, slots=True)
class ClipCacheUse:
    """Counts of windows: pixels decoded or cached; frame vectors embedded, cached or stored."""

    pixels_made: int
    pixels_reused: int
    tokens_made: int
    tokens_reused: int
    tokens_stored: int


class ClipLoader:
    """Loads the `inputs` that a generator takes of each clip; frame vectors by the model of `clip`.

    The same source gives the same clip to every request: it is decoded once, or fails once.
    `stored` looks up the frame vectors that the store already has of a clip's content, `features`
    those of its motion, which take the place of pixels.
    """

    def __init__(
        self,
        spec: GenerateSpec,
        clip: EmbedSpec,
        inputs: ClipInputs,
        guard: Guard,
        stored: StoredLookup | None = None,
        features: StoredFeatures | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.spec, self.inputs, self.guard = spec, inputs, guard
        self._features = features if inputs.features else None
        # Failures are cached as well: a broken clip is a hit of many prompts, and slow to fail.
        self._pixels = Cache[ArrayOrFailed](cache_bytes, _count_bytes)
        self._vectors = Cache[ArrayOrFailed](cache_bytes, _count_bytes)
        # Frames and rate of clips' windows; of the video, or what the generator was trained on.
        length = {"frames": inputs.frames or spec.frames, "fps": inputs.fps or spec.fps}
        self._windows = spec.model_copy(update=length)
        self._format = _choose_format(self._windows, clip.decoder)
        self._tokens = ClipTokens(spec, clip, guard, self._decode_pixels, stored)

    def load(self, threads: int | None = None) -> None:
        """Loads the embedding model if the generator takes frame vectors."""
        if self.inputs.tokens:
            self._tokens.load(threads)

    def load_clips(self, request: Request) -> list[Clip]:
        """The request's clips by rank; a ClipError for the first that cannot be decoded."""
        ranked = sorted(request.sources, key=lambda source: source.rank)
        if self._features is not None:
            return self._load_described(request, ranked, self._features)
        windows = [self._draw_window(source) for source in ranked]
        # By key: two hits may be copies of one clip, which is then decoded once.
        by_key = {window.key: window for window in windows}
        pixels = self._decode_pixels(by_key) if self.inputs.pixels else {}
        vectors = (
            self._vectors.get_all(by_key, self._tokens.embed_windows) if self.inputs.tokens else {}
        )
        clips = [
            _build_clip(window, pixels.get(window.key), vectors.get(window.key))
            for window in windows
        ]
        # Without any hit RAGME generates from plain noise, so nothing is filled up then.
        missing = self.spec.retrieve.k - len(clips) if clips else 0
        if missing > 0 and "absent_as_grey" in self.spec.rag.compat:
            clips += [self._absent] * missing
        return clips

    def _load_described(
        self, request: Request, ranked: list[Source], lookup: StoredFeatures
    ) -> list[Clip]:
        """Clips with features; one of them with pixels, where the video starts from it.

        A clip that is not described yet is decoded.
        """
        clips = []
        for source in ranked:
            features = _find_features(source, lookup)
            if features is None:
                clips.append(self._decode_clip(self._draw_window(source)))
                continue
            key = f"{source.content}@{features.start_s:.3f}/features"
            clips.append(Clip(source, features.start_s, key, features=features))
        # A video without a picture of its own starts from its best clip: this one is decoded.
        if clips and clips[0].pixels is None and request.image is None:
            first = clips[0]
            window = replace(self._draw_window(first.source), start_s=first.start_s)
            window = replace(window, key=f"{first.key}+{self.spec.width}x{self.spec.height}")
            clips[0] = replace(self._decode_clip(window), features=first.features)
        return clips

    def _draw_window(self, source: Source) -> Window:
        return draw_window(source, self._windows, centred=self.inputs.frames is not None)

    def _decode_clip(self, window: Window) -> Clip:
        """A clip with the pixels of a window alone; a ClipError where it cannot be decoded."""
        return _build_clip(window, self._decode_pixels({window.key: window})[window.key], None)

    @cached_property
    def _absent(self) -> Clip:
        """What stands for a missing hit (ragme.md, section 4, no. 3): a video of zeros.

        Zero is grey to the VAE, and black to CLIP, which gets it by way of a cast to bytes.
        """
        spec, black = self.spec, (self.spec.height, self.spec.width)
        pixels = np.zeros((spec.frames, 3, *black), np.uint8) if self.inputs.pixels else None
        tokens = self._tokens.embed_black() if self.inputs.tokens else None
        return Clip(NO_SOURCE, 0.0, ABSENT, pixels, tokens)

    def count_cache_use(self) -> ClipCacheUse:
        """Counts of what was computed so far, and of what the caches and the store had."""
        pixels, vectors, stored = self._pixels, self._vectors, self._tokens.stored_count
        return ClipCacheUse(
            pixels.misses, pixels.hits, vectors.misses - stored, vectors.hits, stored
        )

    def _decode_pixels(self, windows: Mapping[str, Window]) -> dict[str, ArrayOrFailed]:
        return self._pixels.get_all(
            windows, lambda missing: decode_windows(self.guard, missing, self._format)
        )


def _find_features(source: Source, lookup: StoredFeatures) -> ClipFeatures | None:
    """A clip's features, or none; a ClipError where they are broken."""
    try:
        return lookup(source.content)
    except CorruptFeatures as fault:
        raise ClipError(source.video_id, str(fault)) from fault


def _choose_format(spec: GenerateSpec, decoder: str) -> WindowFormat:
    """Frames that cover the generated size, or RAGME's: squashed to it, black after the end."""
    compat = spec.rag.compat
    stretched, black = "stretched" in compat, "absent_as_grey" in compat
    shape = Resize(spec.height, "squash" if stretched else "shortest", width=spec.width)
    return WindowFormat(spec.fps, spec.frames, shape, decoder, black)


def _build_clip(window: Window, pixels: ArrayOrFailed | None, tokens: ArrayOrFailed | None) -> Clip:
    # One broken input spoils the clip: a video must not be made of half of it.
    for value in (pixels, tokens):
        if isinstance(value, Failed):
            detail = f"{value.reason}: {value.detail}"
            raise ClipError(window.source.video_id, detail, value.reason)
    assert not isinstance(pixels, Failed) and not isinstance(tokens, Failed)
    return Clip(window.source, window.start_s, window.key, pixels, tokens)


def _count_bytes(value: ArrayOrFailed) -> int:
    return 0 if isinstance(value, Failed) else value.nbytes  # failures never push out a picture
