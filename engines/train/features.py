"""Encodes frames of a corpus's videos as latents and as vectors, with the embed stage's engine."""

import json
from pathlib import Path

import numpy as np

from data.errors import UserError
from data.specs.pipeline import EmbedSpec
from data.specs.train import LessonSpec
from data.specs.train_refiner import ClipsSpec
from engines.device import deterministic_inference
from engines.embed.engine import EmbedSetup, VideoEmbedder
from engines.embed.frame_packer import FrameVectors
from engines.pretrained import load_pretrained
from engines.video.frames import Resize, Sampling
from engines.video.sampling import END_SLACK_S, find_nearest
from engines.weights_file import open_weights


def build_latent_engine(
    base: Path, spec: LessonSpec, clip: EmbedSpec, setup: EmbedSetup
) -> VideoEmbedder:
    """An engine for latents of frames by the base's VAE, flattened."""
    return VideoEmbedder(clip, setup, _LatentModel(base, spec), _build_sampling(spec))


def build_token_engine(spec: LessonSpec, clip: EmbedSpec, setup: EmbedSetup) -> VideoEmbedder:
    """An engine for vectors of the same frames by the corpus's model."""
    return VideoEmbedder(clip, setup, sampling=_build_sampling(spec))


def build_pixel_engine(spec: ClipsSpec, clip: EmbedSpec, setup: EmbedSetup) -> VideoEmbedder:
    """An engine for frames themselves, (3 x height x width) of 0 to 255, flattened."""
    return VideoEmbedder(clip, setup, _PixelModel(spec), _build_sampling(spec))


def latent_shape(base: Path, spec: LessonSpec) -> tuple[int, int, int]:
    """Channels, height and width of a frame's latents; a UserError if a size does not fit."""
    with open_weights(base):
        config = json.loads((base / "vae" / "config.json").read_text())
        # Every block but the last halves both sides.
        factor, channels = 2 ** (len(config["block_out_channels"]) - 1), config["latent_channels"]
    for name, value in (("width", spec.width), ("height", spec.height)):
        if value % factor:
            near = max(1, round(value / factor)) * factor
            raise UserError(f"a {name} of {value} is not a multiple of {factor}: use {near}")
    return channels, spec.height // factor, spec.width // factor


def sample_evenly(stored: FrameVectors, spec: LessonSpec | ClipsSpec) -> np.ndarray:
    """The vector of the frame nearest to each k / fps seconds, up to the end of the last frame."""
    steps = np.arange(spec.most) / spec.fps
    # The last frame is shown for about as long as the others; a step in its second half would be
    # nearer to a frame that is not there.
    period = stored.seconds[-1] / max(stored.frame[-1], 1)  # of the file's frames, on average
    within = steps[steps <= stored.seconds[-1] + period / 2 + END_SLACK_S]
    return stored.vector[find_nearest(stored.seconds, within)]


def _build_sampling(spec: LessonSpec | ClipsSpec) -> Sampling:
    return Sampling(every_nth=None, fps=spec.fps, count=spec.most)


class _LatentModel:
    """A VAE in place of an image model: (n, 3, height, width) bytes to (n, C x h x w)."""

    slow = True  # to load, so decoders start meanwhile

    def __init__(self, base: Path, spec: LessonSpec) -> None:
        self.base, self.resize = base, Resize(spec.height, width=spec.width)
        self.dim = int(np.prod(latent_shape(base, spec)))

    def load(self, threads: int | None = None, compile: bool = False) -> None:
        import torch
        from diffusers import AutoencoderKL

        if threads:
            torch.set_num_threads(threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        vae = load_pretrained(AutoencoderKL, self.base / "vae", dtype=torch.float32)
        self._vae = vae.to(self._device).eval()

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        """The means of the latents' distributions, scaled as the denoiser takes them."""
        import torch

        with deterministic_inference():
            images = torch.from_numpy(pixels).to(self._device) / 127.5 - 1
            latents = self._vae.encode(images).latent_dist.mean * self._vae.config.scaling_factor
        return latents.flatten(1).cpu().numpy()


class _PixelModel:
    """No model: (n, 3, height, width) bytes as they are, which float16 holds exactly."""

    slow = False

    def __init__(self, spec: ClipsSpec) -> None:
        self.dim = 3 * spec.height * spec.width
        self.resize = Resize(spec.height, width=spec.width)

    def load(self, threads: int | None = None, compile: bool = False) -> None:
        """Loads nothing."""

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        return pixels.reshape(len(pixels), -1).astype(np.float32)
