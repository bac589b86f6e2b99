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
        return self._embed_colours([bytes(colour) for colour in colours])

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        return (super().embed_text(texts) @ self._wide).astype(np.float32)

    def embed_uris(self, uris: Sequence[str]) -> np.ndarray:
        """What the one frame of each fake video gets: without painting and reading it."""
        hashed = (hashlib.sha256(uri.split("?")[0].encode()) for uri in uris)
        return self._embed_colours([each.digest()[:3] for each in hashed])

    def _embed_colours(self, colours: Sequence[bytes]) -> np.ndarray:
        keys = [int.from_bytes(colour) for colour in colours]
        noise = np.stack([np.random.default_rng(key).standard_normal(LATENT) for key in keys])
        points = self._centres[np.array(keys) % CLUSTERS] + SPREAD * noise
        return (points @ self._wide).astype(np.float16).astype(np.float32)


def widen_fakes() -> None:
    """Replaces the fake model of this process by the wide one."""
    fake.Embedder = WideEmbedder  # type: ignore[misc]
