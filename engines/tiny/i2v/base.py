"""Trains the small image-to-video base on its codec: `python -m engines.tiny.i2v.base`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.tiny.i2v import training_set
from engines.tiny.i2v.clips import EncodedClips, prepare_clips
from engines.tiny.i2v.folders import BASE
from engines.tiny.t2v.command import TrainingOptions, parse_options
from engines.train.loop import Schedule, train_model
from engines.train.motion_bases import BUCKET, FPS
from engines.train.motion_losses import compute_edm_loss, draw_sigmas, scale_noisy

if TYPE_CHECKING:
    from diffusers import StableVideoDiffusionPipeline, UNetSpatioTemporalConditionModel
    from torch import Tensor, nn
    from transformers import CLIPVisionModelWithProjection

SCHEDULE = Schedule(steps=8000, rate=1e-3, batch=8, checkpoint_every=50, log_every=25)
IMAGE_DROPOUT = 0.1
# Of clips whose picture's token also tells the way that the shape goes: Stable Video Diffusion
# began as a text-to-video model, so its attentions can be told what moves, as adapters tell them.
TOLD = 0.5
WIDTH = 64  # of the image's token
# What the pipeline says of clips at this rate, and what training of motion adapters says of all.
RATES = (training_set.FRAMES_A_SECOND - 1, FPS)


def build_unet() -> "UNetSpatioTemporalConditionModel":
    """An untrained denoiser in SVD's architecture, with attention where latents are 4 x 4."""
    from diffusers import UNetSpatioTemporalConditionModel

    # The class normalises in 32 groups: of one channel each they would undo what a motion adapter
    # adds, which is the same everywhere in a picture.
    return UNetSpatioTemporalConditionModel(
        sample_size=training_set.PIXELS // 4,
        in_channels=8,
        out_channels=4,
        down_block_types=("DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"),
        up_block_types=("CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal"),
        block_out_channels=(64, 64),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        num_attention_heads=2,
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96,
        num_frames=training_set.FRAMES,
    )


def build_image_encoder() -> "CLIPVisionModelWithProjection":
    """An untrained encoder of pictures, which the pipeline resizes to 224 x 224."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=2 * WIDTH, projection_dim=WIDTH, num_hidden_layers=2,
        num_attention_heads=2, image_size=224, patch_size=32,
    )  # fmt: skip
    return CLIPVisionModelWithProjection(config)


def build_pipeline(codec: Any) -> "StableVideoDiffusionPipeline":
    """An untrained pipeline around a codec, with SVD's scheduler."""
    from diffusers import EulerDiscreteScheduler, StableVideoDiffusionPipeline
    from transformers import CLIPImageProcessor

    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        prediction_type="v_prediction", interpolation_type="linear", steps_offset=1,
        timestep_spacing="leading", timestep_type="continuous", sigma_min=0.002, sigma_max=700.0,
        use_karras_sigmas=True,
    )  # fmt: skip
    return StableVideoDiffusionPipeline(
        vae=codec, image_encoder=build_image_encoder(), unet=build_unet(), scheduler=scheduler,
        feature_extractor=CLIPImageProcessor(),
    )  # fmt: skip


@dataclass
class BaseTrainer:
    """A pipeline whose denoiser and image encoder are trained together, and the clips.

    `way` makes a token of a way (x, y); it is thrown away, and what the denoiser makes of it stays.
    """

    pipe: "StableVideoDiffusionPipeline"
    clips: EncodedClips
    way: "nn.Linear"

    def loss(self, rng: np.random.Generator, batch: int) -> "Tensor":
        """SVD's own (EDM), of clips whose picture is left out at times, as guidance needs."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        device, clips = self.pipe.unet.device, self.clips
        chosen = rng.integers(len(clips.latents), size=batch)
        clean, images = (
            torch.from_numpy(of[chosen]).to(device).float() for of in (clips.latents, clips.images)
        )
        kept = torch.from_numpy(rng.random(batch) >= IMAGE_DROPOUT).to(device).float()
        seen = self._encode_pictures(clips.pictures[chosen]) * kept.view(-1, 1, 1)
        told = torch.from_numpy(rng.random(batch) < TOLD).to(device) * kept
        ways = torch.from_numpy(clips.ways[chosen]).to(device)
        seen = seen + (self.way(ways) * told[:, None])[:, None]
        images = images * kept.view(-1, 1, 1, 1)
        sigma = draw_sigmas(batch).to(device)
        noisy = clean + sigma.view(-1, 1, 1, 1, 1) * torch.randn_like(clean)
        scaled, steps = scale_noisy(noisy, sigma)
        given = torch.cat([scaled, images[:, None].expand(-1, clean.shape[1], -1, -1, -1)], dim=2)
        strengths = torch.from_numpy(clips.strengths[chosen]).to(device)[:, None]
        rates = torch.from_numpy(rng.choice(RATES, batch)).to(strengths)[:, None]
        times = torch.cat([rates, torch.full_like(rates, BUCKET), strengths], dim=1)
        with sdpa_kernel(SDPBackend.MATH):  # a quarter faster: the sequences are of a few tokens
            output = self.pipe.unet(given, steps, seen, added_time_ids=times).sample
        return compute_edm_loss(output.float(), noisy, clean, sigma)

    def _encode_pictures(self, pictures: np.ndarray) -> "Tensor":
        """(n, 1, width) as the pipeline encodes them, with gradients."""
        from PIL import Image

        given, device = [Image.fromarray(each) for each in pictures], self.pipe.unet.device
        encoded: Tensor = self.pipe._encode_image(given, device, 1, False)
        return encoded


def save_pipeline(pipe: "StableVideoDiffusionPipeline", folder: Path) -> None:
    """Writes the whole pipeline, in half precision, in SVD's layout."""
    import torch

    pipe.vae.register_to_config(_name_or_path="")  # else its config names a folder of this machine
    pipe.to("cpu", torch.float16).save_pretrained(folder)


def main() -> None:
    """Trains, and writes the pipeline."""
    import torch
    from diffusers import AutoencoderKLTemporalDecoder

    options: TrainingOptions = parse_options(__doc__, SCHEDULE, "i2v-base", BASE)
    schedule = options.schedule
    torch.manual_seed(schedule.seed)
    codec = AutoencoderKLTemporalDecoder.from_pretrained(
        options.folder / "vae", dtype=torch.float32, use_safetensors=True
    )
    codec.to(options.device).eval().requires_grad_(False)
    pipe = build_pipeline(codec)
    way = torch.nn.Linear(2, WIDTH)
    trainer = BaseTrainer(pipe, prepare_clips(codec, options.folder, schedule.seed), way)
    parts = {"image_encoder": pipe.image_encoder, "unet": pipe.unet, "way": way}
    model = torch.nn.ModuleDict(parts)
    train_model(
        model.to(options.device),
        lambda rng: trainer.loss(rng, schedule.batch),
        schedule,
        options.checkpoint,
        options.print_progress,
    )
    save_pipeline(pipe, options.folder)


if __name__ == "__main__":
    main()
