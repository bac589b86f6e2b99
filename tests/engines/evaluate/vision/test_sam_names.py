"""SAM's published names and sizes: every one is known, and none is left over."""

import pytest
import torch
from support import toy_sam
from transformers import SamModel

from data.errors import UserError
from engines.checkpoint import WeightShapes
from engines.evaluate.vision.sam_names import build_config, to_transformers_keys

# Of sam_vit_b_01ec64.pth.
PUBLISHED = {
    "image_encoder.pos_embed": (1, 64, 64, 768),
    "image_encoder.patch_embed.proj.weight": (768, 3, 16, 16),
    "image_encoder.blocks.0.attn.rel_pos_h": (27, 64),
    "image_encoder.blocks.2.attn.rel_pos_w": (127, 64),
    "image_encoder.blocks.11.attn.qkv.weight": (2304, 768),
    "image_encoder.blocks.11.mlp.lin1.weight": (3072, 768),
    "image_encoder.neck.0.weight": (256, 768, 1, 1),
    "image_encoder.neck.2.weight": (256, 256, 3, 3),
    "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": (2, 128),
    "prompt_encoder.point_embeddings.3.weight": (1, 256),
    "prompt_encoder.mask_downscaling.6.weight": (256, 16, 1, 1),
    "mask_decoder.mask_tokens.weight": (4, 256),
    "mask_decoder.transformer.layers.1.cross_attn_image_to_token.q_proj.weight": (128, 256),
    "mask_decoder.transformer.layers.1.mlp.lin1.weight": (2048, 256),
    "mask_decoder.transformer.norm_final_attn.weight": (256,),
    "mask_decoder.output_upscaling.3.weight": (64, 32, 2, 2),
    "mask_decoder.output_hypernetworks_mlps.3.layers.2.weight": (32, 256),
    "mask_decoder.iou_prediction_head.layers.2.bias": (4,),
}
PAIRS = {
    "image_encoder.blocks.1.norm2.bias": "vision_encoder.layers.1.layer_norm2.bias",
    "image_encoder.neck.3.weight": "vision_encoder.neck.layer_norm2.weight",
    "prompt_encoder.mask_downscaling.4.bias": "prompt_encoder.mask_embed.layer_norm2.bias",
    "prompt_encoder.point_embeddings.2.weight": "prompt_encoder.point_embed.2.weight",
    "mask_decoder.transformer.layers.0.norm4.bias": (
        "mask_decoder.transformer.layers.0.layer_norm4.bias"
    ),
    "mask_decoder.iou_prediction_head.layers.0.bias": (
        "mask_decoder.iou_prediction_head.proj_in.bias"
    ),
    "mask_decoder.iou_prediction_head.layers.1.bias": (
        "mask_decoder.iou_prediction_head.layers.0.bias"
    ),
    "mask_decoder.output_hypernetworks_mlps.2.layers.2.weight": (
        "mask_decoder.output_hypernetworks_mlps.2.proj_out.weight"
    ),
    "mask_decoder.output_upscaling.1.weight": "mask_decoder.upscale_layer_norm.weight",
}


def empty(of: toy_sam.Sizes) -> dict[str, torch.Tensor]:
    return {name: torch.empty(to, device="meta") for name, to in toy_sam.shapes(of).items()}


@pytest.mark.parametrize("of", [toy_sam.Sizes(), toy_sam.SMALL], ids=["published", "small"])
def test_every_weight_has_its_parameter_and_every_parameter_its_weight(of) -> None:
    weights = empty(of)
    with torch.device("meta"):
        wanted = SamModel(build_config(WeightShapes(weights, "SAM"))).state_dict()
    named = to_transformers_keys(weights)
    assert {n: w.shape for n, w in named.items()} == {n: w.shape for n, w in wanted.items()}
    assert {id(weight) for weight in named.values()} == {id(weight) for weight in weights.values()}


def test_the_published_shapes_are_those_of_vit_b() -> None:
    shapes = toy_sam.shapes(toy_sam.Sizes())
    assert PUBLISHED.items() <= shapes.items()
    assert sum(weight.numel() for weight in empty(toy_sam.Sizes()).values()) == 93_735_728


@pytest.mark.parametrize(("published", "ours"), PAIRS.items())
def test_a_weight_goes_where_it_belongs(published: str, ours: str) -> None:
    weights = empty(toy_sam.SMALL)
    assert to_transformers_keys(weights)[ours] is weights[published]


def test_the_one_positional_matrix_serves_pictures_and_prompts() -> None:
    weights = toy_sam.state()
    named = to_transformers_keys(weights)
    matrix = weights["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"]
    assert named["shared_image_embedding.positional_embedding"] is matrix
    assert named["prompt_encoder.shared_embedding.positional_embedding"] is matrix


def test_sizes_are_read_off_the_shapes() -> None:
    said = build_config(WeightShapes(empty(toy_sam.Sizes()), "SAM"))
    assert said.vision_config.global_attn_indexes == [2, 5, 8, 11]
    assert said.vision_config.window_size == 14
    assert said.vision_config.num_attention_heads == 12
    assert said.vision_config.image_size == 1024
    assert said.mask_decoder_config.attention_downsample_rate == 2


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(UserError, match=r"weights of SAM \(x\.pth\): image_encoder\.neck"):
        build_config(WeightShapes({"head.weight": torch.ones(1)}, "SAM (x.pth)"))
