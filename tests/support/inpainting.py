"""A small random Stable Diffusion for inpainting, as diffusers saves it."""

from support import zeroscope


def save_pipeline(folder: str) -> None:
    """Writes the pipeline's folder; its latents are a quarter of a picture's side."""
    from diffusers import StableDiffusionInpaintPipeline, UNet2DConditionModel

    parts = zeroscope.pipeline()
    net = UNet2DConditionModel(
        block_out_channels=(16, 32), layers_per_block=1, sample_size=16, in_channels=9,
        out_channels=4, cross_attention_dim=24, norm_num_groups=8, attention_head_dim=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    StableDiffusionInpaintPipeline(
        vae=parts.vae, text_encoder=parts.text_encoder, tokenizer=parts.tokenizer, unet=net.eval(),
        scheduler=parts.scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
