"""Trains the codec of the small base on rendered frames: `python -m engines.tiny.i2v.codec`."""

from typing import TYPE_CHECKING

import numpy as np

from engines.tiny.i2v import training_set
from engines.tiny.i2v.folders import BASE
from engines.tiny.render import render_frames
from engines.tiny.scene import FPS
from engines.tiny.t2v.codec import train_codec
from engines.tiny.t2v.command import parse_options
from engines.train.loop import Schedule

if TYPE_CHECKING:
    from diffusers import AutoencoderKLTemporalDecoder
    from torch import Tensor

# In full precision: bf16 takes half as long again with layers this small.
SCHEDULE = Schedule(steps=1300, rate=2e-3, batch=16, checkpoint_every=50, log_every=25)


def build_codec() -> "AutoencoderKLTemporalDecoder":
    """An untrained codec: 32 x 32 pixels to 8 x 8 latents of 4 channels.

    It decodes each frame by itself: whatever is between frames is for the denoiser to know. Its
    layers across frames are there, and add nothing.
    """
    from diffusers import AutoencoderKLTemporalDecoder

    # The class normalises in 32 groups: groups of one channel would lose a plain background.
    codec = AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 3,
        block_out_channels=(64, 64, 64),
        layers_per_block=1,
        latent_channels=4,
        sample_size=training_set.PIXELS,
    )
    _still_time_layers(codec)
    return codec


def draw_images(rng: np.random.Generator, count: int) -> "Tensor":
    """Random frames of random scenes, of all motions, as (n, 3, 32, 32) in -1..1."""
    import torch

    scenes = [training_set.draw_moving_scene(rng) for _ in range(count)]
    moments = rng.uniform(0, training_set.SECONDS * FPS, count)
    drawn = [render_frames(s, np.array([at])) for s, at in zip(scenes, moments, strict=True)]
    return torch.from_numpy(np.concatenate(drawn)).permute(0, 3, 1, 2).contiguous() / 127.5 - 1


def _still_time_layers(codec: "AutoencoderKLTemporalDecoder") -> None:
    """Makes the decoder's layers across frames the identity, and keeps them so."""
    import torch

    with torch.no_grad():
        for name, part in codec.decoder.named_modules():
            if name.endswith("temporal_res_block"):
                part.requires_grad_(False)
                part.conv2.weight.zero_()
                part.conv2.bias.zero_()
        last = codec.decoder.time_conv_out.requires_grad_(False)
        last.bias.zero_()
        last.weight.zero_()
        last.weight[range(3), range(3), 1] = 1


def main() -> None:
    """Trains, and writes the codec into the pipeline's folder."""
    options = parse_options(__doc__, SCHEDULE, "i2v-vae", BASE)
    train_codec(build_codec(), draw_images, options, num_frames=1)


if __name__ == "__main__":
    main()
