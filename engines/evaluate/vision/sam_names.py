"""Key mapping of SAM's published weights to transformers' names, and its sizes from shapes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engines.checkpoint import WeightShapes
from engines.evaluate.vision.rename_weights import KeyMapping, count_children, rename_keys

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import SamConfig

HEADS = 8  # attention heads of the mask decoder, which shapes do not show
MLP = r"(output_hypernetworks_mlps\.\d+|iou_prediction_head)"
KEY_MAPPING: KeyMapping = (
    (r"^image_encoder\.blocks\.", "vision_encoder.layers."),
    (r"^image_encoder\.", "vision_encoder."),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    (r"\.neck\.0\.", ".neck.conv1."),
    (r"\.neck\.1\.", ".neck.layer_norm1."),
    (r"\.neck\.2\.", ".neck.conv2."),
    (r"\.neck\.3\.", ".neck.layer_norm2."),
    (r"\.point_embeddings\.", ".point_embed."),
    (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
    (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
    (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
    (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
    (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
    (r"\.output_upscaling\.0\.", ".upscale_conv1."),
    (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
    (r"\.output_upscaling\.3\.", ".upscale_conv2."),
    (rf"{MLP}\.layers\.0\.", r"\1.proj_in."),
    (rf"{MLP}\.layers\.1\.", r"\1.layers.0."),
    (rf"{MLP}\.layers\.2\.", r"\1.proj_out."),
    (r"\.norm([1-4])\.", r".layer_norm\1."),
    (r"\.norm_final_attn\.", ".layer_norm_final_attn."),
    (
        r"\.pe_layer\.positional_encoding_gaussian_matrix$",
        ".shared_embedding.positional_embedding",
    ),
)


def to_transformers_keys(weights: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """The published state dict with the keys of transformers' `SamModel`."""
    named = rename_keys(weights, KEY_MAPPING)
    shared = "shared_embedding.positional_embedding"
    # transformers has the positional matrix twice: for points and for the image grid.
    if (matrix := named.get(f"prompt_encoder.{shared}")) is not None:
        named[shared.replace("shared", "shared_image")] = matrix
    return named


def build_config(shapes: WeightShapes) -> "SamConfig":
    """The configuration for published weights; raises UserError if they are another model's.

    A layer has global attention if its relative positions span the whole grid of patches.
    """
    from transformers import SamConfig

    width = shapes["image_encoder.neck.0.weight"][0]
    _, grid, _, _ = shapes["image_encoder.pos_embed"]
    patch = shapes["image_encoder.patch_embed.proj.weight"][2]
    return SamConfig(
        vision_config=_build_vision_config(shapes, grid, patch),
        prompt_encoder_config={
            "hidden_size": width,
            "image_size": grid * patch,
            "patch_size": patch,
            "mask_input_channels": shapes["prompt_encoder.mask_downscaling.3.weight"][0],
            "num_point_embeddings": count_children(shapes, "prompt_encoder.point_embeddings."),
        },
        mask_decoder_config=_build_decoder_config(shapes, width),
    )


def _build_vision_config(shapes: WeightShapes, grid: int, patch: int) -> dict[str, object]:
    depth = count_children(shapes, "image_encoder.blocks.")
    places = [shapes[f"image_encoder.blocks.{n}.attn.rel_pos_h"] for n in range(depth)]
    spans = [(span + 1) // 2 for span, _ in places]
    hidden = shapes["image_encoder.pos_embed"][3]
    return {
        "hidden_size": hidden,
        "output_channels": shapes["image_encoder.neck.0.weight"][0],
        "num_hidden_layers": depth,
        "num_attention_heads": hidden // places[0][1],
        "image_size": grid * patch,
        "patch_size": patch,
        "window_size": min(spans),
        "global_attn_indexes": [n for n, span in enumerate(spans) if span == grid],
        "num_pos_feats": shapes["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"][1],
        "mlp_dim": shapes["image_encoder.blocks.0.mlp.lin1.weight"][0],
    }


def _build_decoder_config(shapes: WeightShapes, width: int) -> dict[str, object]:
    inner = "mask_decoder.transformer.layers.0"
    head = "mask_decoder.iou_prediction_head.layers"
    across = shapes[f"{inner}.cross_attn_token_to_image.q_proj.weight"][0]
    return {
        "hidden_size": width,
        "mlp_dim": shapes[f"{inner}.mlp.lin1.weight"][0],
        "num_hidden_layers": count_children(shapes, "mask_decoder.transformer.layers."),
        "num_attention_heads": HEADS,
        "attention_downsample_rate": width // across,
        "num_multimask_outputs": shapes["mask_decoder.mask_tokens.weight"][0] - 1,
        "iou_head_depth": count_children(shapes, f"{head}."),
        "iou_head_hidden_dim": shapes[f"{head}.0.weight"][0],
        "layer_norm_eps": 1e-5,
    }
