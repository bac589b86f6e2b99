"""SAM's weights under the names that transformers has for them, and the sizes that they tell."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engines.evaluate.vision.checkpoint import Shapes
from engines.evaluate.vision.rename_weights import Rules, children, renamed

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import SamConfig

HEADS = 8  # of the mask decoder; its shapes do not tell
MLP = r"(output_hypernetworks_mlps\.\d+|iou_prediction_head)"
RULES: Rules = (
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


def for_transformers(weights: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """The published state dict for `SamModel`, which has the one positional matrix twice."""
    named = renamed(weights, RULES)
    shared = "shared_embedding.positional_embedding"
    if (matrix := named.get(f"prompt_encoder.{shared}")) is not None:
        named[shared.replace("shared", "shared_image")] = matrix
    return named


def config(shapes: Shapes) -> "SamConfig":
    """The sizes of published weights; a UserError where they are another model's.

    A layer is global where its relative positions span the whole grid of patches.
    """
    from transformers import SamConfig

    width = shapes["image_encoder.neck.0.weight"][0]
    _, grid, _, _ = shapes["image_encoder.pos_embed"]
    patch = shapes["image_encoder.patch_embed.proj.weight"][2]
    return SamConfig(
        vision_config=_vision(shapes, grid, patch),
        prompt_encoder_config={
            "hidden_size": width,
            "image_size": grid * patch,
            "patch_size": patch,
            "mask_input_channels": shapes["prompt_encoder.mask_downscaling.3.weight"][0],
            "num_point_embeddings": children(shapes, "prompt_encoder.point_embeddings."),
        },
        mask_decoder_config=_decoder(shapes, width),
    )


def _vision(shapes: Shapes, grid: int, patch: int) -> dict[str, object]:
    depth = children(shapes, "image_encoder.blocks.")
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


def _decoder(shapes: Shapes, width: int) -> dict[str, object]:
    inner = "mask_decoder.transformer.layers.0"
    head = "mask_decoder.iou_prediction_head.layers"
    across = shapes[f"{inner}.cross_attn_token_to_image.q_proj.weight"][0]
    return {
        "hidden_size": width,
        "mlp_dim": shapes[f"{inner}.mlp.lin1.weight"][0],
        "num_hidden_layers": children(shapes, "mask_decoder.transformer.layers."),
        "num_attention_heads": HEADS,
        "attention_downsample_rate": width // across,
        "num_multimask_outputs": shapes["mask_decoder.mask_tokens.weight"][0] - 1,
        "iou_head_depth": children(shapes, f"{head}."),
        "iou_head_hidden_dim": shapes[f"{head}.0.weight"][0],
        "layer_norm_eps": 1e-5,
    }
