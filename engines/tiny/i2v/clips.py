"""The training clips of the small image-to-video base, as latents, encoded once."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.batches import iter_batches
from engines.embed.weights import digest_file
from engines.tiny.i2v import training_set
from engines.train.motion_losses import IMAGE_MEAN, IMAGE_STD

if TYPE_CHECKING:
    from diffusers import AutoencoderKLTemporalDecoder
    from torch import Tensor

CLIPS = 4096
BATCH = 16


@dataclass(frozen=True)
class EncodedClips:
    """What the denoiser is trained on, n clips.

    `latents` (n, frames, 4, 8, 8) with unit variance; `pictures` (n, 32, 32, 3) the first frames,
    `strengths` (n,) of the noise that was added to them, `images` (n, 4, 8, 8) their latents then,
    as the codec gives them; `ways` (n, 2) the ways (x, y) that shapes go, in longest ways.
    """

    latents: np.ndarray
    pictures: np.ndarray
    strengths: np.ndarray
    images: np.ndarray
    ways: np.ndarray


def prepare_clips(codec: "AutoencoderKLTemporalDecoder", folder: Path, seed: int) -> EncodedClips:
    """The clips of a codec in `folder/vae`, from a file beside its folder, or encoded into it."""
    from safetensors.numpy import load_file, save_file

    digest = digest_file(str(next((folder / "vae").glob("*.safetensors"))))
    file = folder.with_name(f"{folder.name}-clips-{digest[:12]}-{seed}.safetensors")
    if not file.exists():
        parts = [_encode_clips(codec, some, seed) for some in iter_batches(range(CLIPS), BATCH)]
        names = [field.name for field in fields(EncodedClips)]
        joined = {n: np.concatenate([getattr(part, n) for part in parts]) for n in names}
        # Convolutions give channels last, and safetensors writes memory as it lies.
        whole = {name: np.ascontiguousarray(array) for name, array in joined.items()}
        draft = file.with_suffix(".part")
        save_file(whole, draft)
        draft.replace(file)
    return EncodedClips(**load_file(file))


def _encode_clips(
    codec: "AutoencoderKLTemporalDecoder", numbers: list[int], seed: int
) -> EncodedClips:
    import torch

    rngs = [np.random.default_rng([seed, 10, number]) for number in numbers]
    scenes = [training_set.draw_moving_scene(rng) for rng in rngs]
    clips = np.stack([training_set.draw_clip(scene) for scene in scenes])
    ways = np.stack([training_set.measure_way(scene) for scene in scenes])
    strengths = np.exp([IMAGE_MEAN + IMAGE_STD * r.standard_normal() for r in rngs])
    noise = np.stack([r.standard_normal(clips.shape[2:]) for r in rngs])
    noised = clips[:, 0] / 127.5 - 1 + strengths[:, None, None, None] * noise
    with torch.inference_mode():
        latents = _encode_pixels(codec, clips.reshape(-1, *clips.shape[2:]) / 127.5 - 1)
        images = _encode_pixels(codec, noised)
    latents = (latents * codec.config.scaling_factor).unflatten(0, clips.shape[:2])
    half, strong = np.float16, strengths.astype(np.float32)
    return EncodedClips(
        latents.numpy().astype(half), clips[:, 0], strong, images.numpy().astype(half),
        ways.astype(np.float32),
    )  # fmt: skip


def _encode_pixels(codec: "AutoencoderKLTemporalDecoder", pixels: np.ndarray) -> "Tensor":
    """(n, 4, 8, 8) latents of (n, height, width, 3) in -1..1."""
    import torch

    given = torch.from_numpy(pixels).float().permute(0, 3, 1, 2)
    encoded: Tensor = codec.encode(given.to(codec.device)).latent_dist.mode()
    return encoded.float().cpu()
