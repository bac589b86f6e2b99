"""Small random pipelines around video transformers, as diffusers saves them."""

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    LTXPipeline,
    SanaVideoPipeline,
    SanaVideoTransformer3DModel,
    SkyReelsV2Pipeline,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from support import tiny_pipelines
from support.tiny_pipelines import text_encoder, tokenizer


def ltx_text() -> DiffusionPipeline:
    """LTX's text to video."""
    return LTXPipeline(**tiny_pipelines.ltx().components)


def _wan_vae() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
        temperal_downsample=[False, True, True],
    ).eval()  # fmt: skip


def wan_image() -> DiffusionPipeline:
    """Wan 2.1's image to video."""
    torch.manual_seed(0)
    net = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=36,
        out_channels=16, text_dim=16, freq_dim=32, ffn_dim=32, num_layers=1, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", rope_max_seq_len=32, image_dim=4,
    )  # fmt: skip
    sight = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=4, projection_dim=4, num_hidden_layers=2, num_attention_heads=2,
            image_size=32, intermediate_size=16, patch_size=1,
        )
    )  # fmt: skip
    return WanImageToVideoPipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(16), vae=_wan_vae(),
        transformer=net.eval(), scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        image_encoder=sight.eval(),
        image_processor=CLIPImageProcessor(crop_size=32, size=32),
    )  # fmt: skip


def skyreels() -> DiffusionPipeline:
    """SkyReels V2's text to video."""
    torch.manual_seed(0)
    net = SkyReelsV2Transformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16,
        out_channels=16, text_dim=16, freq_dim=32, ffn_dim=32, num_layers=1, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", rope_max_seq_len=32,
    )  # fmt: skip
    scheduler = UniPCMultistepScheduler(flow_shift=8.0, use_flow_sigmas=True)
    return SkyReelsV2Pipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(16), vae=_wan_vae(),
        transformer=net.eval(), scheduler=scheduler,
    )  # fmt: skip


def sana() -> DiffusionPipeline:
    """SANA Video; its frames are called `frames`."""
    torch.manual_seed(0)
    net = SanaVideoTransformer3DModel(
        in_channels=16, out_channels=16, num_attention_heads=2, attention_head_dim=12,
        num_layers=1, num_cross_attention_heads=2, cross_attention_head_dim=12,
        cross_attention_dim=24, caption_channels=16, mlp_ratio=2.5, sample_size=30,
        patch_size=(1, 2, 2), rope_max_seq_len=64,
    )  # fmt: skip
    return SanaVideoPipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(16), vae=_wan_vae(),
        transformer=net.eval(), scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def _cog_vae() -> AutoencoderKLCogVideoX:
    down, up = ("CogVideoXDownBlock3D",) * 4, ("CogVideoXUpBlock3D",) * 4
    return AutoencoderKLCogVideoX(
        down_block_types=down, up_block_types=up, block_out_channels=(8, 8, 8, 8),
        latent_channels=4, layers_per_block=1, norm_num_groups=2, temporal_compression_ratio=4,
    ).eval()  # fmt: skip


def _cog_net(channels: int, **options) -> CogVideoXTransformer3DModel:
    return CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=channels, out_channels=4,
        time_embed_dim=2, text_embed_dim=32, num_layers=1, sample_width=4, sample_height=4,
        sample_frames=9, patch_size=2, temporal_compression_ratio=4, max_text_seq_length=226,
        use_rotary_positional_embeddings=True, **options,
    ).eval()  # fmt: skip


def cogvideox() -> DiffusionPipeline:
    """CogVideoX's text to video."""
    torch.manual_seed(0)
    return CogVideoXPipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(32), vae=_cog_vae(),
        transformer=_cog_net(4), scheduler=CogVideoXDDIMScheduler(),
    )  # fmt: skip


def cogvideox_image() -> DiffusionPipeline:
    """CogVideoX's image to video."""
    torch.manual_seed(0)
    return CogVideoXImageToVideoPipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(32), vae=_cog_vae(),
        transformer=_cog_net(8), scheduler=CogVideoXDDIMScheduler(),
    )  # fmt: skip
