"""Small random pipelines whose calls differ from those of most, as diffusers saves them."""

import torch
from diffusers import (
    AllegroPipeline,
    AllegroTransformer3DModel,
    AnimateDiffPipeline,
    AutoencoderKLAllegro,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLMochi,
    DDIMScheduler,
    DiffusionPipeline,
    EulerAncestralDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
    LattePipeline,
    LatteTransformer3DModel,
    MochiPipeline,
    MochiTransformer3DModel,
    MotionAdapter,
    TextToVideoZeroPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    LlamaConfig,
    LlamaModel,
)

from support import zeroscope
from support.tiny_pipelines import text_encoder, tokenizer


def latte() -> DiffusionPipeline:
    """Latte; its frames are called `video_length`, and it fails on a negative prompt of None."""
    torch.manual_seed(0)
    net = LatteTransformer3DModel(
        sample_size=8, num_layers=1, patch_size=2, attention_head_dim=8, num_attention_heads=3,
        caption_channels=32, in_channels=4, cross_attention_dim=24, out_channels=8,
        attention_bias=True, activation_fn="gelu-approximate", num_embeds_ada_norm=1000,
        norm_type="ada_norm_single", norm_elementwise_affine=False, norm_eps=1e-6, video_length=4,
    )  # fmt: skip
    return LattePipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(32), vae=zeroscope.pipeline().vae,
        transformer=net.eval(), scheduler=DDIMScheduler(),
    )  # fmt: skip


def allegro() -> DiffusionPipeline:
    """Allegro: frames in whole groups of 4; it fails on a negative prompt of None."""
    torch.manual_seed(0)
    vae = AutoencoderKLAllegro(
        down_block_types=("AllegroDownBlock3D",) * 4, up_block_types=("AllegroUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2,
        temporal_compression_ratio=4, sample_size=128,
    )  # fmt: skip
    net = AllegroTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, num_layers=1,
        cross_attention_dim=24, sample_width=8, sample_height=8, sample_frames=8,
        caption_channels=24,
    )  # fmt: skip
    return AllegroPipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(24), vae=vae.eval(),
        transformer=net.eval(), scheduler=EulerAncestralDiscreteScheduler(),
    )  # fmt: skip


def mochi() -> DiffusionPipeline:
    """Mochi: frames by 6 and one."""
    torch.manual_seed(0)
    net = MochiTransformer3DModel(
        patch_size=2, num_attention_heads=2, attention_head_dim=8, num_layers=2,
        pooled_projection_dim=16, in_channels=12, out_channels=None, text_embed_dim=32,
        time_embed_dim=4, max_sequence_length=256,
    )  # fmt: skip
    vae = AutoencoderKLMochi(
        latent_channels=12, out_channels=3, encoder_block_out_channels=(32,) * 4,
        decoder_block_out_channels=(32,) * 4, layers_per_block=(1,) * 5,
    )  # fmt: skip
    return MochiPipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(32), vae=vae.eval(),
        transformer=net.eval(), scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def _clip_text(width: int, words: int) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            bos_token_id=0, eos_token_id=1, hidden_size=width, intermediate_size=16,
            num_attention_heads=2, num_hidden_layers=1, vocab_size=words, projection_dim=width,
            max_position_embeddings=77,
        )
    ).eval()  # fmt: skip


def hunyuan(embeds: bool = True) -> DiffusionPipeline:
    """HunyuanVideo, whose classifier-free guidance is called `true_cfg_scale`."""
    torch.manual_seed(0)
    net = HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=10, num_layers=1,
        num_single_layers=1, num_refiner_layers=1, patch_size=1, patch_size_t=1,
        guidance_embeds=embeds, text_embed_dim=16, pooled_projection_dim=8, rope_axes_dim=(2, 4, 4),
    )  # fmt: skip
    vae = AutoencoderKLHunyuanVideo(
        latent_channels=4, down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4, block_out_channels=(8, 8, 8, 8),
        layers_per_block=1, act_fn="silu", norm_num_groups=4, scaling_factor=0.476986,
        spatial_compression_ratio=8, temporal_compression_ratio=4, mid_block_add_attention=True,
    )  # fmt: skip
    llama = LlamaModel(
        LlamaConfig(
            hidden_size=16, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2,
            vocab_size=64, pad_token_id=0, max_position_embeddings=512,
        )
    )  # fmt: skip
    words = zeroscope.pipeline().tokenizer
    return HunyuanVideoPipeline(
        text_encoder=llama.eval(), tokenizer=tokenizer(), transformer=net.eval(), vae=vae.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0), tokenizer_2=words,
        text_encoder_2=_clip_text(8, len(words)),
    )  # fmt: skip


def hunyuan_without_embedded() -> DiffusionPipeline:
    """The same with a model that has no guidance of its own."""
    return hunyuan(embeds=False)


def _unet(**options) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        block_out_channels=(8, 8), layers_per_block=2, sample_size=8, in_channels=4,
        out_channels=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=24,
        norm_num_groups=2, **options,
    )  # fmt: skip


def animatediff() -> DiffusionPipeline:
    """AnimateDiff: Stable Diffusion with a motion adapter."""
    torch.manual_seed(0)
    base = zeroscope.pipeline()
    adapter = MotionAdapter(
        block_out_channels=(8, 8), motion_layers_per_block=2, motion_norm_num_groups=2,
        motion_num_attention_heads=4,
    )  # fmt: skip
    return AnimateDiffPipeline(
        vae=base.vae, text_encoder=base.text_encoder, tokenizer=base.tokenizer, unet=_unet(),
        motion_adapter=adapter.eval(), scheduler=DDIMScheduler(clip_sample=False),
    )  # fmt: skip


def text_to_video_zero() -> DiffusionPipeline:
    """Text2Video-Zero: Stable Diffusion, frame by frame; its frames are called `video_length`."""
    torch.manual_seed(0)
    base = zeroscope.pipeline()
    return TextToVideoZeroPipeline(
        vae=base.vae, text_encoder=base.text_encoder, tokenizer=base.tokenizer, unet=_unet(),
        scheduler=DDIMScheduler(clip_sample=False), safety_checker=None,
        feature_extractor=CLIPImageProcessor(), requires_safety_checker=False,
    )  # fmt: skip
