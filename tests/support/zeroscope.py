"""A small random text-to-video model in ZeroScope's folder layout, and requests for it."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, TextToVideoSDPipeline, UNet3DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from data.records import Request, Source
from data.specs.pipeline import GenerateSpec
from engines.generate.protocol import Clip

SIZE, FRAMES, CIN = 32, 4, 16


def unet(**options) -> UNet3DConditionModel:
    """Four sites: one down, one in the middle, two up, of 16, 32, 16 and 16 channels."""
    torch.manual_seed(1)
    shape = {
        "sample_size": 8,
        "down_block_types": ("CrossAttnDownBlock3D", "DownBlock3D"),
        "up_block_types": ("UpBlock3D", "CrossAttnUpBlock3D"),
        "block_out_channels": (16, 32),
        "layers_per_block": 1,
        "cross_attention_dim": 24,
        "attention_head_dim": 8,
        "norm_num_groups": 8,
    }
    return UNet3DConditionModel(**shape | options).eval().requires_grad_(False)


def pipeline(**options) -> TextToVideoSDPipeline:
    tokenizer = CLIPTokenizer(model_max_length=12).train_new_from_iterator(
        ["a red ball moves to the left and a blue square to the right"], 300, show_progress=False
    )
    torch.manual_seed(2)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=24, intermediate_size=48, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=12, projection_dim=24,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 8), latent_channels=4, norm_num_groups=4, sample_size=SIZE,
        mid_block_add_attention=False,
    )  # fmt: skip
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip
    return TextToVideoSDPipeline(
        vae=vae.eval(), text_encoder=CLIPTextModel(text).eval(), tokenizer=tokenizer,
        unet=unet(**options), scheduler=scheduler,
    )  # fmt: skip


def spec(folder: Path, **options) -> GenerateSpec:
    """A spec that this model generates in a moment."""
    small = {
        "base": str(folder), "precision": "fp32", "width": SIZE, "height": SIZE, "steps": 3,
        "frames": FRAMES, "guidance": 4.0,
    }  # fmt: skip
    return GenerateSpec(**small | options)


def request(number: int, clips: int = 0) -> Request:
    text = ("a red ball", "a blue square moves to the left", "the right ball")[number]
    sources = tuple(Source(n + 1, f"v{n}", f"c{n}", 0.9 - n / 10, "") for n in range(clips))
    return Request(f"r{number}", f"p{number}", text, 0, 100 + number, sources)


def clips(count: int, seed: int = 0) -> list[Clip]:
    rng = np.random.default_rng(seed)
    return [
        Clip(
            source=Source(n + 1, f"v{n}", f"c{n}", 0.9 - n / 10, ""), start_s=0.0,
            key=f"{seed}-{n}",
            pixels=rng.integers(0, 256, (FRAMES, 3, SIZE, SIZE), dtype=np.uint8),
            tokens=rng.standard_normal((2, CIN)).astype(np.float32),
        )
        for n in range(count)
    ]  # fmt: skip
