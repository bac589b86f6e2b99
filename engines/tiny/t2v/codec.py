"""Trains the codec of the bundled model on rendered frames: `python -m engines.tiny.t2v.codec`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.bundled import TEXT_TO_VIDEO
from engines.tiny.render import render_frames
from engines.tiny.t2v import training_set
from engines.tiny.t2v.command import TrainingOptions, parse_options
from engines.train.loop import Schedule, train_model

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

SCHEDULE = Schedule(steps=2500, rate=2e-3, batch=32, precision="bf16")
DIVERGENCE = 1e-4  # weight of the posterior's distance from a normal: keeps latents smooth

SHAPE_WEIGHT = 4.0  # extra weight of the shape's pixels, which are a tenth of the picture
SHAPE_DIFFERS = 0.1  # a pixel this far from the corner's, in any channel, is of the shape


def build_codec() -> "AutoencoderKL":
    """An untrained codec: 64 x 64 pixels to 8 x 8 latents of 4 channels, as ZeroScope's."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 48, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=training_set.PIXELS,
        mid_block_add_attention=False,
    )


def load_codec(folder: Path) -> "AutoencoderKL":
    """The codec of a pipeline's folder, in full precision."""
    import torch
    from diffusers import AutoencoderKL

    return AutoencoderKL.from_pretrained(folder / "vae", dtype=torch.float32, use_safetensors=True)


def draw_images(rng: np.random.Generator, count: int) -> "Tensor":
    """Random frames of random scenes, as (n, 3, 64, 64) in -1..1."""
    import torch

    scenes = [training_set.draw_training_scene(rng) for _ in range(count)]
    drawn = np.concatenate([render_frames(s, rng.integers(s.frames, size=1)) for s in scenes])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous() / 127.5 - 1


def codec_loss(codec: Any, images: "Tensor", **decoding: int) -> "Tensor":
    """The reconstruction error, with a small Kullback-Leibler term that keeps latents smooth.

    `decoding` is what the codec's class wants to know beside the latents.
    """
    posterior = codec.encode(images).latent_dist
    decoded = codec.decode(posterior.sample(), **decoding).sample.float()
    error = (decoded - images).abs() + (decoded - images).square()
    shape = (images - images[:, :, :1, :1]).abs().amax(1, keepdim=True) > SHAPE_DIFFERS
    error = (error * (1 + SHAPE_WEIGHT * shape)).mean()
    return error + DIVERGENCE * posterior.kl().float().mean() / posterior.mean[0].numel()


def latent_scale(codec: Any, images: "Tensor") -> float:
    """The factor that gives the latents of images unit variance."""
    import torch

    with torch.no_grad():
        latents = codec.encode(images).latent_dist.mean
    return float(1 / latents.std())


def train_codec(
    codec: Any,
    draw: "Callable[[np.random.Generator, int], Tensor]",
    options: TrainingOptions,
    **decoding: int,
) -> None:
    """Trains a codec on images that are drawn, and writes it into the pipeline's folder."""
    size, device = options.schedule.batch, options.device
    train_model(
        codec.to(device),
        lambda rng: codec_loss(codec, draw(rng, size).to(device), **decoding),
        options.schedule,
        options.checkpoint,
        options.print_progress,
    )
    codec = codec.cpu().eval()
    scale = latent_scale(codec, draw(np.random.default_rng(7), 256))
    codec.register_to_config(scaling_factor=scale)
    codec.half().save_pretrained(options.folder / "vae")


def main() -> None:
    """Trains, and writes the codec into the pipeline's folder."""
    options = parse_options(__doc__, SCHEDULE, "t2v-vae", TEXT_TO_VIDEO, goes_on=True)
    train_codec(
        load_codec(options.folder) if options.again else build_codec(), draw_images, options
    )


if __name__ == "__main__":
    main()
