"""Key mapping of Grounding DINO's weights to transformers' names, and its sizes from shapes."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engines.checkpoint import WeightShapes
from engines.evaluate.vision.grounding_scores import MAX_TOKENS
from engines.evaluate.vision.rename_weights import KeyMapping, count_children, rename_keys

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import GroundingDinoConfig

HEADS = 8  # of the transformer; fusion and text layers have half. Not visible in shapes
BERT_HEAD = 64  # channels of an attention head
UNUSED = re.compile(r"relative_position_index$|^bert\.(pooler|.*position_ids)|^label_enc\.")
SWIN = "model.backbone.conv_encoder.model"
BLOCK = r"(\.blocks\.\d+)"
KEY_MAPPING: KeyMapping = (
    # the image backbone
    (r"^backbone\.0\.patch_embed\.proj\.", f"{SWIN}.swin.embeddings.patch_embeddings.projection."),
    (r"^backbone\.0\.patch_embed\.norm\.", f"{SWIN}.swin.embeddings.norm."),
    (r"^backbone\.0\.layers\.", f"{SWIN}.swin.encoder.layers."),
    *((rf"^backbone\.0\.norm{n}\.", f"{SWIN}.hidden_states_norms.stage{n + 1}.") for n in range(4)),
    (rf"{BLOCK}\.norm1\.", r"\1.layernorm_before."),
    (rf"{BLOCK}\.norm2\.", r"\1.layernorm_after."),
    (rf"{BLOCK}\.attn\.proj\.", r"\1.attention.o_proj."),
    (rf"{BLOCK}\.attn\.relative", r"\1.attention.relative_position_bias.relative"),
    # the text backbone, and the projections to a common width
    (r"^bert\.", "model.text_backbone."),
    (r"^feat_map\.", "model.text_projection."),
    (r"^input_proj\.", "model.input_proj_vision."),
    # the encoder
    (r"^transformer\.encoder\.layers\.(\d+)\.", r"model.encoder.layers.\1.deformable_layer."),
    (r"\.deformable_layer\.norm1\.", ".deformable_layer.self_attn_layer_norm."),
    (r"\.deformable_layer\.norm2\.", ".deformable_layer.final_layer_norm."),
    (
        r"^transformer\.encoder\.text_layers\.(\d+)\.",
        r"model.encoder.layers.\1.text_enhancer_layer.",
    ),
    (r"\.text_enhancer_layer\.norm1\.", ".text_enhancer_layer.layer_norm_before."),
    (r"\.text_enhancer_layer\.norm2\.", ".text_enhancer_layer.layer_norm_after."),
    (r"^transformer\.encoder\.fusion_layers\.(\d+)\.", r"model.encoder.layers.\1.fusion_layer."),
    (r"\.gamma_v$", ".vision_param"),
    (r"\.gamma_l$", ".text_param"),
    (r"\.layer_norm_v\.", ".layer_norm_vision."),
    (r"\.layer_norm_l\.", ".layer_norm_text."),
    (r"(\.fusion_layer\.attn\.(?:values_|out_)?)v_proj\.", r"\1vision_proj."),
    (r"(\.fusion_layer\.attn\.(?:values_|out_)?)l_proj\.", r"\1text_proj."),
    # the decoder
    (r"^transformer\.tgt_embed\.", "model.query_position_embeddings."),
    (r"^transformer\.enc_out_bbox_embed\.", "model.encoder_output_bbox_embed."),
    (r"^transformer\.decoder\.ref_point_head\.", "model.decoder.reference_points_head."),
    (r"^transformer\.decoder\.norm\.", "model.decoder.layer_norm."),
    (r"\.cross_attn\.", ".encoder_attn."),
    (r"\.ca_text\.", ".encoder_attn_text."),
    (r"\.catext_norm\.", ".encoder_attn_text_layer_norm."),
    (r"^(transformer\.decoder\.layers\.\d+)\.norm1\.", r"\1.encoder_attn_layer_norm."),
    (r"^(transformer\.decoder\.layers\.\d+)\.norm2\.", r"\1.self_attn_layer_norm."),
    (r"^(transformer\.decoder\.layers\.\d+)\.norm3\.", r"\1.final_layer_norm."),
    (r"\.linear([12])\.", r".fc\1."),
    (r"^transformer\.", "model."),
)
FUSED_PROJECTIONS = (
    (".in_proj_", (".query.", ".key.", ".value.")),
    (".attn.qkv.", (".attention.q_proj.", ".attention.k_proj.", ".attention.v_proj.")),
)


def to_transformers_keys(weights: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """The published state dict with the keys of `GroundingDinoForObjectDetection`.

    Fused query-key-value matrices become three, and weights that no forward pass uses are dropped.
    """
    named = rename_keys(
        {n: value for n, value in weights.items() if not UNUSED.search(n)}, KEY_MAPPING
    )
    for fused, parts in FUSED_PROJECTIONS:
        for name in [name for name in named if fused in name]:
            for part, third in zip(parts, named.pop(name).chunk(3), strict=True):
                named[name.replace(fused, part)] = third
    return named


def build_config(shapes: WeightShapes) -> "GroundingDinoConfig":
    """The configuration for published weights; raises UserError if they are another model's."""
    from transformers import BertConfig, GroundingDinoConfig, SwinConfig

    levels, width = shapes["transformer.level_embed"]
    encoder, decoder = "transformer.encoder.layers.", "transformer.decoder.layers."
    encoder_points = f"{encoder}0.self_attn.attention_weights.weight"
    decoder_points = f"{decoder}0.cross_attn.attention_weights.weight"
    return GroundingDinoConfig(
        backbone_config=SwinConfig(**_build_swin_config(shapes)),
        text_config=BertConfig(**_build_bert_config(shapes)),
        num_queries=shapes["transformer.tgt_embed.weight"][0],
        d_model=width,
        num_feature_levels=levels,
        encoder_layers=count_children(shapes, encoder),
        decoder_layers=count_children(shapes, decoder),
        encoder_ffn_dim=shapes[f"{encoder}0.linear1.weight"][0],
        decoder_ffn_dim=shapes[f"{decoder}0.linear1.weight"][0],
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_n_points=shapes[encoder_points][0] // (HEADS * levels),
        decoder_n_points=shapes[decoder_points][0] // (HEADS * levels),
        max_text_len=MAX_TOKENS,
    )


def _build_swin_config(shapes: WeightShapes) -> dict[str, Any]:
    stages = count_children(shapes, "backbone.0.layers.")
    bias = "blocks.0.attn.relative_position_bias_table"
    tables = [shapes[f"backbone.0.layers.{n}.{bias}"] for n in range(stages)]
    width, _, patch, _ = shapes["backbone.0.patch_embed.proj.weight"]
    return {
        "patch_size": patch,
        "embed_dim": width,
        "depths": [count_children(shapes, f"backbone.0.layers.{n}.blocks.") for n in range(stages)],
        "num_heads": [heads for _, heads in tables],
        "window_size": (round(tables[0][0] ** 0.5) + 1) // 2,
        "mlp_ratio": shapes["backbone.0.layers.0.blocks.0.mlp.fc1.weight"][0] / width,
        "out_indices": [n + 1 for n in range(stages) if f"backbone.0.norm{n}.weight" in shapes],
    }


def _build_bert_config(shapes: WeightShapes) -> dict[str, Any]:
    words, width = shapes["bert.embeddings.word_embeddings.weight"]
    return {
        "vocab_size": words,
        "hidden_size": width,
        "num_hidden_layers": count_children(shapes, "bert.encoder.layer."),
        "num_attention_heads": width // BERT_HEAD,
        "intermediate_size": shapes["bert.encoder.layer.0.intermediate.dense.weight"][0],
        "max_position_embeddings": shapes["bert.embeddings.position_embeddings.weight"][0],
        "type_vocab_size": shapes["bert.embeddings.token_type_embeddings.weight"][0],
    }
