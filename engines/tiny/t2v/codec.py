"""Trains the codec of the bundled model on rendered frames: `python -m engines.tiny.t2v.codec`."""

from typing import TYPE_CHECKING

import numpy as np

from engines.tiny.render import frames
from engines.tiny.t2v import training_set
from engines.tiny.t2v.command import Given, given
from engines.train.loop import Schedule, train

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

SCHEDULE = Schedule(steps=2500, rate=2e-3, batch=32, precision="bf16")
DIVERGENCE = 1e-4  # weight of the posterior's distance from a normal: keeps latents smooth

SHAPE_WEIGHT = 4.0  # of its pixels, beside the background's: it is a tenth of the picture
SHAPE_DIFFERS = 0.1  # from the corner's pixel, in any channel


def fresh() -> "AutoencoderKL":
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


def pictures(rng: np.random.Generator, count: int) -> "Tensor":
    """Random frames of random scenes, as (n, 3, 64, 64) in -1..1."""
    import torch

    scenes = [training_set.scene(rng) for _ in range(count)]
    drawn = np.concatenate([frames(s, rng.integers(s.frames, size=1)) for s in scenes])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous() / 127.5 - 1


def loss(codec: "AutoencoderKL", images: "Tensor") -> "Tensor":
    """How far pictures come back from what they were, and latents are from smooth."""
    posterior = codec.encode(images).latent_dist
    back = codec.decode(posterior.sample()).sample.float()
    apart = (back - images).abs() + (back - images).square()
    shape = (images - images[:, :, :1, :1]).abs().amax(1, keepdim=True) > SHAPE_DIFFERS
    apart = (apart * (1 + SHAPE_WEIGHT * shape)).mean()
    return apart + DIVERGENCE * posterior.kl().float().mean() / posterior.mean[0].numel()


def scale(codec: "AutoencoderKL") -> float:
    """What latents are multiplied with to have unit variance."""
    import torch

    with torch.no_grad():
        latents = codec.encode(pictures(np.random.default_rng(7), 256)).latent_dist.mean
    return float(1 / latents.std())


def main() -> None:
    """Train, and store the codec where the pipeline has it."""
    asked: Given = given(__doc__, SCHEDULE, "vae")
    codec, size, device = fresh().to(asked.device), asked.schedule.batch, asked.device
    train(
        codec,
        lambda rng: loss(codec, pictures(rng, size).to(device)),
        asked.schedule,
        asked.checkpoint,
        asked.told,
    )
    codec = codec.cpu().eval()
    codec.register_to_config(scaling_factor=scale(codec))
    codec.half().save_pretrained(asked.folder / "vae")


if __name__ == "__main__":
    main()
