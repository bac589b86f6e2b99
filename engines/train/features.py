"""Frames of a corpus's videos as latents and as vectors, by the engine that makes frame vectors."""

import json
from pathlib import Path

import numpy as np

from data.errors import UserError
from data.specs.pipeline import EmbedSpec
from data.specs.train import LessonSpec
from engines.embed.engine import VideoEmbedder, Work
from engines.embed.frame_packer import Vectors
from engines.generate.pipelines.zeroscope import part
from engines.video.frames import Resize, Sampling
from engines.video.sampling import NEAR, nearest


def latents(base: Path, spec: LessonSpec, clip: EmbedSpec, work: Work) -> VideoEmbedder:
    """An engine for latents of frames under the base's VAE, flattened."""
    return VideoEmbedder(clip, work, _Latents(base, spec), _sampling(spec))


def tokens(spec: LessonSpec, clip: EmbedSpec, work: Work) -> VideoEmbedder:
    """An engine for vectors of the same frames under the corpus's model."""
    return VideoEmbedder(clip, work, sampled=_sampling(spec))


def latent_shape(base: Path, spec: LessonSpec) -> tuple[int, int, int]:
    """Channels, height and width of a frame's latents; a UserError where a size does not fit."""
    said = json.loads((base / "vae" / "config.json").read_text())
    factor = 2 ** (len(said["block_out_channels"]) - 1)
    for name, value in (("width", spec.width), ("height", spec.height)):
        if value % factor:
            near = max(1, round(value / factor)) * factor
            raise UserError(f"a {name} of {value} is no multiple of {factor}: take {near}")
    return said["latent_channels"], spec.height // factor, spec.width // factor


def even(made: Vectors, spec: LessonSpec) -> np.ndarray:
    """The vector of the frame nearest to each k / fps seconds, while the last frame is shown."""
    steps = np.arange(spec.most) / spec.fps
    between = made.seconds[-1] / max(made.frame[-1], 1)  # frames of the file, on average
    within = steps[steps <= made.seconds[-1] + between / 2 + NEAR]
    return made.vector[nearest(made.seconds, within)]


def _sampling(spec: LessonSpec) -> Sampling:
    return Sampling(every_nth=None, fps=spec.fps, count=spec.most)


class _Latents:
    """A VAE in the place of an image model: (n, 3, height, width) bytes to (n, C x h x w)."""

    slow = True

    def __init__(self, base: Path, spec: LessonSpec) -> None:
        self.base, self.resize = base, Resize(spec.height, width=spec.width)
        self.dim = int(np.prod(latent_shape(base, spec)))

    def load(self, threads: int | None = None, compile: bool = False) -> None:
        import torch
        from diffusers import AutoencoderKL

        if threads:
            torch.set_num_threads(threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        vae = part(AutoencoderKL, self.base / "vae", dtype=torch.float32)
        self._vae = vae.to(self._device).eval()

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        """The means of the latents' distributions, scaled as the denoiser sees them."""
        import torch

        with torch.inference_mode():
            images = torch.from_numpy(pixels).to(self._device) / 127.5 - 1
            latents = self._vae.encode(images).latent_dist.mean * self._vae.config.scaling_factor
        return latents.flatten(1).cpu().numpy()
