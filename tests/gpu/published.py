"""Generators' bases and releases of the published sizes, with random weights in half precision."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


@contextmanager
def _on_device() -> Iterator[None]:
    """Networks of the block are made where they are made in seconds."""
    import torch

    from engines.device import pick_device

    torch.manual_seed(0)
    with torch.device(pick_device()):
        yield


@cache
def write_zeroscope(folder: Path) -> Path:
    """ZeroScope's pipeline; words are those of the small one."""
    import torch
    from diffusers import AutoencoderKL, TextToVideoSDPipeline, UNet3DConditionModel
    from support import zeroscope
    from transformers import CLIPTextConfig, CLIPTextModel

    small = zeroscope.pipeline()
    text = small.text_encoder.config.to_dict() | {
        "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23,
        "num_attention_heads": 16, "projection_dim": 1024,
    }  # fmt: skip
    with _on_device():
        pipe = TextToVideoSDPipeline(
            vae=AutoencoderKL(
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                block_out_channels=(128, 256, 512, 512), layers_per_block=2, sample_size=512,
            ),
            text_encoder=CLIPTextModel(CLIPTextConfig(**text)), tokenizer=small.tokenizer,
            unet=UNet3DConditionModel(), scheduler=small.scheduler,
        )  # fmt: skip
    return _save(pipe.to(dtype=torch.float16), folder / "zeroscope")


def write_controller(base: Path, folder: Path, width: int, full: bool) -> Path:
    """A controller for the UNet of a base, for frame vectors of this width, that changes it."""
    import torch
    from diffusers import UNet3DConditionModel

    from engines.generate.ragme import checkpoint
    from engines.generate.ragme.injection_sites import list_sites
    from engines.nets.controller import Controller
    from engines.nets.controller_config import ControllerConfig

    with torch.device("meta"):
        unet = UNet3DConditionModel.from_config(UNet3DConditionModel.load_config(base / "unet"))
    channels = tuple(site.channels for site in list_sites(unet))
    config = ControllerConfig(channels, width, layers=8 if full else 2, videos="loop")
    torch.manual_seed(6)
    made = Controller(config)
    for parameter in made.infuser.parameters():
        torch.nn.init.normal_(parameter, std=0.02 if full else 0.1)
    checkpoint.save_controller(made, folder, 100)
    return folder


@cache
def write_svd(folder: Path) -> tuple[Path, Path]:
    """Stable Video Diffusion's pipeline, and a MotionRAG release for it with both encoders."""
    import torch
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )
    from support import tiny_pipelines
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    small = tiny_pipelines.svd()
    with _on_device():
        pipe = StableVideoDiffusionPipeline(
            vae=AutoencoderKLTemporalDecoder(
                block_out_channels=(128, 256, 512, 512), layers_per_block=2,
                down_block_types=("DownEncoderBlock2D",) * 4,
            ),
            image_encoder=CLIPVisionModelWithProjection(CLIPVisionConfig(
                hidden_size=1280, projection_dim=1024, num_hidden_layers=32, image_size=224,
                num_attention_heads=16, intermediate_size=5120, patch_size=14,
            )),
            unet=UNetSpatioTemporalConditionModel(), scheduler=small.scheduler,
            feature_extractor=small.feature_extractor,
        )  # fmt: skip
    release = write_release(pipe.unet, folder / "motion")
    return _save(pipe.to(dtype=torch.float16), folder / "svd"), release


def write_release(base: object, folder: Path) -> Path:
    from transformers import Dinov2Config, Dinov2Model, VideoMAEConfig, VideoMAEModel

    from engines.generate.motionrag.motion_sites import list_motion_sites
    from engines.generate.motionrag.release import build_fresh
    from engines.generate.motionrag.release_writing import save_release

    large = Dinov2Config(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
                         image_size=518, patch_size=14)  # fmt: skip
    with _on_device():
        Dinov2Model(large).save_pretrained(folder / "image_encoder")
        VideoMAEModel(VideoMAEConfig()).save_pretrained(folder / "video_encoder")
    save_release(build_fresh(list_motion_sites(base), 768), base, folder)
    return folder


def _save(pipe: object, folder: Path) -> Path:
    pipe.save_pretrained(folder)
    return folder
