"""Grounding DINO's published names and sizes: every one is known, and none is left over."""

import re

import pytest
import torch
from support import toy_grounding

from data.errors import UserError
from engines.checkpoint import WeightShapes
from engines.evaluate.models.grounding import build_network
from engines.evaluate.vision.grounding_names import UNUSED, build_config, to_transformers_keys

# Of groundingdino_swint_ogc.pth, without the `module.` before each.
PUBLISHED = {
    "backbone.0.patch_embed.proj.weight": (96, 3, 4, 4),
    "backbone.0.layers.0.blocks.0.attn.relative_position_bias_table": (169, 3),
    "backbone.0.layers.0.blocks.0.attn.relative_position_index": (49, 49),
    "backbone.0.layers.2.blocks.5.attn.qkv.weight": (1152, 384),
    "backbone.0.layers.2.downsample.reduction.weight": (768, 1536),
    "backbone.0.norm3.weight": (768,),
    "bert.embeddings.word_embeddings.weight": (30522, 768),
    "feat_map.weight": (256, 768),
    "input_proj.3.0.weight": (256, 768, 3, 3),
    "transformer.level_embed": (4, 256),
    "transformer.tgt_embed.weight": (900, 256),
    "transformer.encoder.layers.5.self_attn.sampling_offsets.weight": (256, 256),
    "transformer.encoder.text_layers.5.self_attn.in_proj_weight": (768, 256),
    "transformer.encoder.text_layers.5.linear1.weight": (1024, 256),
    "transformer.encoder.fusion_layers.5.gamma_v": (256,),
    "transformer.encoder.fusion_layers.5.attn.values_l_proj.weight": (1024, 256),
    "transformer.decoder.layers.5.ca_text.in_proj_weight": (768, 256),
    "transformer.decoder.layers.5.catext_norm.weight": (256,),
    "transformer.decoder.ref_point_head.layers.0.weight": (256, 512),
    "transformer.decoder.bbox_embed.5.layers.2.weight": (4, 256),
    "transformer.enc_out_bbox_embed.layers.2.bias": (4,),
    "bbox_embed.0.layers.0.weight": (256, 256),
}
SWIN = "model.backbone.conv_encoder.model"
PAIRS = {
    "backbone.0.norm2.weight": f"{SWIN}.hidden_states_norms.stage3.weight",
    "backbone.0.layers.1.blocks.1.norm2.bias": (
        f"{SWIN}.swin.encoder.layers.1.blocks.1.layernorm_after.bias"
    ),
    "backbone.0.layers.0.downsample.norm.bias": (
        f"{SWIN}.swin.encoder.layers.0.downsample.norm.bias"
    ),
    "bert.encoder.layer.0.output.LayerNorm.bias": (
        "model.text_backbone.encoder.layer.0.output.LayerNorm.bias"
    ),
    "transformer.encoder.layers.1.norm1.weight": (
        "model.encoder.layers.1.deformable_layer.self_attn_layer_norm.weight"
    ),
    "transformer.encoder.text_layers.1.linear2.bias": (
        "model.encoder.layers.1.text_enhancer_layer.fc2.bias"
    ),
    "transformer.encoder.fusion_layers.0.gamma_l": "model.encoder.layers.0.fusion_layer.text_param",
    "transformer.encoder.fusion_layers.0.attn.out_v_proj.bias": (
        "model.encoder.layers.0.fusion_layer.attn.out_vision_proj.bias"
    ),
    "transformer.decoder.layers.0.norm1.weight": (
        "model.decoder.layers.0.encoder_attn_layer_norm.weight"
    ),
    "transformer.decoder.layers.0.norm2.weight": (
        "model.decoder.layers.0.self_attn_layer_norm.weight"
    ),
    "transformer.decoder.layers.0.cross_attn.value_proj.bias": (
        "model.decoder.layers.0.encoder_attn.value_proj.bias"
    ),
    "transformer.enc_output_norm.bias": "model.enc_output_norm.bias",
    "bbox_embed.1.layers.2.bias": "bbox_embed.1.layers.2.bias",
    "transformer.decoder.bbox_embed.1.layers.2.bias": "model.decoder.bbox_embed.1.layers.2.bias",
}


def empty(of: toy_grounding.Sizes) -> dict[str, torch.Tensor]:
    return {name: torch.empty(to, device="meta") for name, to in toy_grounding.shapes(of).items()}


@pytest.mark.parametrize(
    "of", [toy_grounding.Sizes(), toy_grounding.SMALL], ids=["published", "small"]
)
def test_every_weight_has_its_parameter_and_every_parameter_its_weight(of) -> None:
    weights = empty(of)
    with torch.device("meta"):
        wanted = build_network(WeightShapes(weights, "Grounding DINO")).state_dict()
    named = to_transformers_keys(weights)
    assert {n: w.shape for n, w in named.items()} == {n: w.shape for n, w in wanted.items()}
    unused = sum(weight.numel() for name, weight in weights.items() if UNUSED.search(name))
    kept = sum(weight.numel() for weight in named.values())
    assert kept + unused == sum(weight.numel() for weight in weights.values())


def test_the_published_shapes_are_those_of_swin_t() -> None:
    shapes = toy_grounding.shapes(toy_grounding.Sizes())
    assert PUBLISHED.items() <= shapes.items()
    again = re.compile(rf"{UNUSED.pattern}|^bbox_embed\.[1-5]|^transformer\.decoder\.bbox_embed")
    once = [weight for name, weight in empty(toy_grounding.Sizes()).items()
            if not again.search(name)]  # fmt: skip
    assert sum(weight.numel() for weight in once) == 172_249_090


@pytest.mark.parametrize(("published", "ours"), PAIRS.items())
def test_a_weight_goes_where_it_belongs(published: str, ours: str) -> None:
    weights = empty(toy_grounding.SMALL)
    assert to_transformers_keys(weights)[ours] is weights[published]


def test_what_no_pass_uses_is_left_out_and_nothing_else() -> None:
    left = {name for name in toy_grounding.shapes(toy_grounding.SMALL) if UNUSED.search(name)}
    blocks = {(0, 0), (1, 0), (1, 1), (2, 0), (3, 0)}
    assert left == {
        "label_enc.weight", "bert.pooler.dense.weight", "bert.pooler.dense.bias",
        "bert.embeddings.position_ids",
        *(f"backbone.0.layers.{n}.blocks.{m}.attn.relative_position_index" for n, m in blocks),
    }  # fmt: skip


def test_fused_matrices_part_in_thirds() -> None:
    weights = toy_grounding.state()
    named = to_transformers_keys(weights)
    fused = weights["transformer.decoder.layers.1.ca_text.in_proj_weight"]
    parts = [
        named[f"model.decoder.layers.1.encoder_attn_text.{which}.weight"]
        for which in ("query", "key", "value")
    ]
    assert torch.equal(torch.cat(parts), fused)
    fused = weights["backbone.0.layers.1.blocks.0.attn.qkv.bias"]
    block = f"{SWIN}.swin.encoder.layers.1.blocks.0.attention"
    assert torch.equal(torch.cat([named[f"{block}.{n}_proj.bias"] for n in "qkv"]), fused)


def test_sizes_are_read_off_the_shapes() -> None:
    said = build_config(WeightShapes(empty(toy_grounding.Sizes()), "Grounding DINO"))
    assert said.num_queries == 900 and said.encoder_layers == said.decoder_layers == 6
    assert said.encoder_n_points == said.decoder_n_points == 4
    assert said.backbone_config.depths == [2, 2, 6, 2]
    assert said.backbone_config.num_heads == [3, 6, 12, 24]
    assert said.backbone_config.window_size == 7 and said.backbone_config.mlp_ratio == 4
    assert said.backbone_config.out_features == ["stage2", "stage3", "stage4"]
    assert said.text_config.num_attention_heads == 12 and said.text_config.num_hidden_layers == 12


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(UserError, match=r"weights of Grounding DINO: transformer\.level_embed"):
        build_config(WeightShapes({"head.weight": torch.ones(1)}, "Grounding DINO"))
