"""The untrained parts of the bundled text-to-video model: text encoder, denoiser and scheduler."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engines.tiny.t2v import training_set, words

if TYPE_CHECKING:
    from diffusers import DDIMScheduler, UNet3DConditionModel
    from torch import Tensor, nn
    from transformers import CLIPTextModel

WIDTH = 96  # of text features


def build_scheduler() -> "DDIMScheduler":
    """ZeroScope's noise, down to no signal at all, for predictions of velocity.

    With a rest of signal at the first step, a model learns to read the brightness off it, and
    cannot choose one by the prompt: without rescaling, backgrounds came out grey (arXiv 2305.08891,
    sections 3.1 to 3.3).
    """
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing",
    )  # fmt: skip


def build_unet() -> "UNet3DConditionModel":
    """An untrained denoiser of 2.7 million parameters, in ZeroScope's architecture.

    Its layers over time change nothing yet.
    """
    import torch
    from diffusers import UNet3DConditionModel

    unet = UNet3DConditionModel(
        sample_size=training_set.PIXELS // 8,
        down_block_types=("CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"),
        block_out_channels=(32, 64, 64),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=16,
        norm_num_groups=16,
    )
    for module in list_time_layers(unet):
        last = getattr(module, "proj_out", None)  # convolutions begin at zero by themselves
        if isinstance(last, torch.nn.Linear):
            torch.nn.init.zeros_(last.weight)
            torch.nn.init.zeros_(last.bias)
    for module in unet.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # no clip is seen often enough to be learned by heart
    return unet


def list_time_layers(unet: "UNet3DConditionModel") -> "list[nn.Module]":
    """The attentions and convolutions over time."""
    from diffusers.models.resnet import TemporalConvLayer
    from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel

    kinds = (TemporalConvLayer, TransformerTemporalModel)
    return [module for module in unet.modules() if isinstance(module, kinds)]


@contextmanager
def without_time_layers(unet: "UNet3DConditionModel") -> Iterator[None]:
    """Leaves out the layers over time, and freezes them: for single frames, at half the cost."""
    layers = list_time_layers(unet)
    for layer in layers:
        attends = hasattr(layer, "proj_out")  # an attention answers with a tuple
        layer.requires_grad_(False)
        layer.forward = _give_in_tuple if attends else _give  # type: ignore[method-assign]
    yield
    for layer in layers:
        layer.requires_grad_(True)
        del layer.forward


def _give(hidden_states: "Tensor", **_: object) -> "Tensor":
    return hidden_states


def _give_in_tuple(hidden_states: "Tensor", **_: object) -> "tuple[Tensor]":
    return (hidden_states,)


def build_text_encoder(caption_encoder: words.CaptionEncoder) -> "CLIPTextModel":
    """An untrained text encoder whose embeddings of unknown tokens are zero, and stay so."""
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = caption_encoder.tokenizer
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=4 * WIDTH,
            num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=words.LENGTH,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id, projection_dim=WIDTH,
        )
    )  # fmt: skip
    known = torch.zeros(len(tokenizer), 1)
    known[sorted(caption_encoder.known)] = 1
    embedding = encoder.get_input_embeddings().weight
    with torch.no_grad():
        embedding.mul_(known)
    embedding.register_hook(lambda grad: grad * known.to(grad.device))
    return encoder
