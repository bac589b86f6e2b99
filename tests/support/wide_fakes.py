"""The fake model at a real model's width: vectors in clusters, as an index meets them."""

import hashlib
from collections.abc import Sequence

import numpy as np

from engines.embed.models import fake

CLUSTERS, SPREAD = 1000, 0.5
LATENT = fake.DIM  # what pictures really vary in, whatever the width


class WideEmbedder(fake.Embedder):
    """Draws a point of some cluster for each colour, and turns it into `dim` numbers."""

    dim = 512

    def __init__(self, spec: object) -> None:
        random = np.random.default_rng(0)
        self._centres = random.standard_normal((CLUSTERS, LATENT))
        self._wide = random.standard_normal((LATENT, self.dim)) / np.sqrt(self.dim)

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        colours = pixels[:, :, 0, 0].astype(np.uint8)
        return np.stack([self._embed_colour(bytes(colour)) for colour in colours])

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        return (super().embed_text(texts) @ self._wide).astype(np.float32)

    def embed_uri(self, uri: str) -> np.ndarray:
        """What the one frame of a fake video gets: without painting and reading it."""
        return self._embed_colour(hashlib.sha256(uri.split("?")[0].encode()).digest()[:3])

    def _embed_colour(self, colour: bytes) -> np.ndarray:
        key = int.from_bytes(colour)
        noise = np.random.default_rng(key).standard_normal(LATENT)
        point = self._centres[key % CLUSTERS] + SPREAD * noise
        return (point @ self._wide).astype(np.float16).astype(np.float32)


def widen_fakes() -> None:
    """Replaces the fake model of this process by the wide one."""
    fake.Embedder = WideEmbedder  # type: ignore[misc]
