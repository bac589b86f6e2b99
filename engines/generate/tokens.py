"""The frame vectors of windows: stored ones where they are of the same frames, else made."""

import threading
from collections.abc import Callable, Mapping

import numpy as np

from data.outcome import Failed
from data.specs.pipeline import EmbedSpec, GenerateSpec
from engines.base import plugin
from engines.embed.batching import FittingBatch
from engines.embed.engine import Embedder
from engines.generate.windows import Found, Look, Window, decoded
from engines.video.guard.guard import Guard
from engines.video.resize import resize
from engines.video.sampling import nearest

# Of a clip's content: the times (m,) in seconds and the vectors (m, dim) that are stored of it.
Stored = Callable[[str], tuple[np.ndarray, np.ndarray] | None]
Seen = Callable[[Mapping[str, Window]], dict[str, Found]]

# RAGME's frame vectors are of the very pixels that it encodes, faults and all.
OF_PIXELS = {"wrapped_pixels", "stretched", "absent_as_grey"}
FRAMES_PER_BATCH = 64


class Tokens:
    """Every `token_every`th frame of a window as the model of `clip` sees it.

    Where each of them is `stored`, of a frame less than half a generated frame away, none is made.
    `pixels` gives the pixels of windows, for checkpoints that learnt from the vectors of those.
    """

    def __init__(
        self, spec: GenerateSpec, clip: EmbedSpec, guard: Guard, pixels: Seen, stored: Stored | None
    ) -> None:
        self.spec, self.clip, self.guard = spec, clip, guard
        self.taken = 0  # windows whose vectors were stored
        self._published = bool(OF_PIXELS & set(spec.rag.compat))
        self._stored = None if self._published else stored
        self._pixels = pixels
        self._lane = threading.Lock()

    def load(self, threads: int | None) -> None:
        """Loads the model."""
        self.model: Embedder = plugin("embed.models", self.clip.engine).Embedder(self.clip)
        self.model.load(threads, False)
        self._fitting = FittingBatch(FRAMES_PER_BATCH)

    def of(self, windows: Mapping[str, Window]) -> dict[str, Found]:
        """(n, dim) float32 of each window, not normalised; the frames of all in one batch."""
        known = {key: self._known(one) for key, one in windows.items()}
        found: dict[str, Found] = {key: made for key, made in known.items() if made is not None}
        seen = self._seen({key: one for key, one in windows.items() if key not in found})
        shown = {key: each for key, each in seen.items() if not isinstance(each, Failed)}
        with self._lane:
            self.taken += len(found)
            if shown:
                pictures = np.concatenate(list(shown.values()))
                vectors = self._fitting.apply(self.model.embed_images, pictures)
                found |= zip(shown, np.split(vectors, len(shown)), strict=True)
        return seen | found

    def _known(self, one: Window) -> np.ndarray | None:
        stored = self._stored(one.source.content) if self._stored else None
        if stored is None or not len(stored[0]):
            return None
        seconds, vectors = stored
        due = (
            one.start_s + np.arange(0, self.spec.frames, self.spec.rag.token_every) / self.spec.fps
        )
        at = nearest(seconds, due)
        near = np.abs(seconds[at] - due).max() < 0.5 / self.spec.fps
        return vectors[at].astype(np.float32) if near else None

    def _seen(self, windows: Mapping[str, Window]) -> dict[str, Found]:
        """The frames that become vectors, as the model wants them."""
        every = self.spec.rag.token_every
        if not windows:
            return {}
        if not self._published:
            count = -(-self.spec.frames // every)
            look = Look(self.spec.fps / every, count, self.model.resize, self.clip.decoder)
            return decoded(self.guard, windows, look)
        whole = self._pixels(windows)
        return {
            key: found if isinstance(found, Failed) else self._shown(found[::every])
            for key, found in whole.items()
        }

    def _shown(self, pixels: np.ndarray) -> np.ndarray:
        """What RAGME's CLIP is shown of (n, 3, height, width) pixels."""
        if "wrapped_pixels" in self.spec.rag.compat:
            pixels = wrapped(pixels)
        return resize(np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), self.model.resize)


def wrapped(pixels: np.ndarray) -> np.ndarray:
    """Pixels as RAGME shows them to CLIP: [-1, 1] times 255 cast to bytes, where dark ones wrap."""
    signed = pixels.astype(np.float32) / np.float32(127.5) - 1
    return ((signed * 255).astype(np.int64) & 255).astype(np.uint8)
