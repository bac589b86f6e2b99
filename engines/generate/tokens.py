"""Frame vectors of windows: taken from the store if they are of the same frames, else embedded."""

import threading
from collections.abc import Callable, Mapping

import numpy as np

from data.outcome import Failed
from data.specs.pipeline import EmbedSpec, GenerateSpec
from engines.base import load_plugin
from engines.embed.batching import FittingBatch
from engines.embed.engine import Embedder
from engines.generate.windows import ArrayOrFailed, Window, WindowFormat, decode_windows
from engines.video.guard.guard import Guard
from engines.video.resize import resize_pictures
from engines.video.sampling import find_nearest

# By a clip's content: the times (m,) in seconds and the vectors (m, dim) that the store has of it.
StoredLookup = Callable[[str], tuple[np.ndarray, np.ndarray] | None]
PixelSource = Callable[[Mapping[str, Window]], dict[str, ArrayOrFailed]]

# RAGME embeds the very pixels that it encodes, faults and all; a checkpoint trained with one of
# these must get vectors of such pixels, so stored vectors are of no use to it.
PIXEL_COMPAT = {"wrapped_pixels", "stretched", "absent_as_grey"}
FRAMES_PER_BATCH = 64


class ClipTokens:
    """Embeds every `token_every`th frame of a window with the model of `clip`.

    A window whose vectors are all `stored`, of frames less than half a generated frame away, is
    not embedded again. `pixels` decodes windows, for checkpoints trained on vectors of those.
    """

    def __init__(
        self,
        spec: GenerateSpec,
        clip: EmbedSpec,
        guard: Guard,
        pixels: PixelSource,
        stored: StoredLookup | None,
    ) -> None:
        self.spec, self.clip, self.guard = spec, clip, guard
        self.stored_count = 0  # windows whose vectors came from the store
        self._as_published = bool(PIXEL_COMPAT & set(spec.rag.compat))
        self._stored = None if self._as_published else stored
        self._pixels = pixels
        self._lane = threading.Lock()

    def load(self, threads: int | None) -> None:
        """Loads the embedding model."""
        self.model: Embedder = load_plugin("embed.models", self.clip.engine).Embedder(self.clip)
        self.model.load(threads, False)
        self._fitting = FittingBatch(FRAMES_PER_BATCH)

    def embed_windows(self, windows: Mapping[str, Window]) -> dict[str, ArrayOrFailed]:
        """(n, dim) float32 of each window, not normalised; all frames go through in one batch."""
        lookups = {key: self._find_stored(window) for key, window in windows.items()}
        vectors: dict[str, ArrayOrFailed] = {
            key: stored for key, stored in lookups.items() if stored is not None
        }
        frames = self._read_frames(
            {key: window for key, window in windows.items() if key not in vectors}
        )
        readable = {key: value for key, value in frames.items() if not isinstance(value, Failed)}
        with self._lane:  # two batches may be at work at once; the model takes one at a time
            self.stored_count += len(vectors)
            if readable:
                pictures = np.concatenate(list(readable.values()))
                embedded = self._fitting.apply(self.model.embed_images, pictures)
                vectors |= zip(readable, np.split(embedded, len(readable)), strict=True)
        return frames | vectors

    def embed_black(self) -> np.ndarray:
        """(n, dim) float32 vectors of black frames, as many as of a window."""
        black = np.zeros((1, 3, *self.model.resize.shape), np.uint8)
        with self._lane:
            vector = self._fitting.apply(self.model.embed_images, black)
        return np.repeat(vector, -(-self.spec.frames // self.spec.rag.token_every), axis=0)

    def _find_stored(self, window: Window) -> np.ndarray | None:
        """The stored vectors (n, dim) of the window's frames; None unless they are all there."""
        stored = self._stored(window.source.content) if self._stored else None
        if stored is None or not len(stored[0]):
            return None
        seconds, vectors = stored
        every, fps = self.spec.rag.token_every, self.spec.fps * window.speed
        due = window.start_s + np.arange(0, self.spec.frames, every) / fps
        rows = find_nearest(seconds, due)
        near = np.abs(seconds[rows] - due).max() < 0.5 / fps
        return vectors[rows].astype(np.float32) if near else None

    def _read_frames(self, windows: Mapping[str, Window]) -> dict[str, ArrayOrFailed]:
        """The frames to embed, in the size that the model takes."""
        every = self.spec.rag.token_every
        if not windows:
            return {}
        if not self._as_published:
            # Decoded anew at the model's own size: pixels for the VAE are scaled differently.
            count = -(-self.spec.frames // every)
            form = WindowFormat(self.spec.fps / every, count, self.model.resize, self.clip.decoder)
            return decode_windows(self.guard, windows, form)
        return {
            key: value if isinstance(value, Failed) else self._prepare_pixels(value[::every])
            for key, value in self._pixels(windows).items()
        }

    def _prepare_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """The input of RAGME's CLIP for (n, 3, height, width) pixels."""
        if "wrapped_pixels" in self.spec.rag.compat:
            pixels = wrap_pixels(pixels)
        return resize_pictures(
            np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), self.model.resize
        )


def wrap_pixels(pixels: np.ndarray) -> np.ndarray:
    """Pixels as RAGME shows them to CLIP: [-1, 1] times 255 cast to bytes, so dark ones wrap."""
    signed = pixels.astype(np.float32) / np.float32(127.5) - 1
    return ((signed * 255).astype(np.int64) & 255).astype(np.uint8)
