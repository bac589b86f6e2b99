"""Random Grounding DINO weights of any size under their published names."""

from dataclasses import dataclass

import torch
from torch import Tensor

from support.toy_layers import Shapes, conv, fill_weights, linear, mlp, norm


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network; the defaults are those of the published Swin-T (OGC)."""

    embed: int = 96
    patch: int = 4
    window: int = 7
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    words: int = 30522
    text: int = 768
    text_hidden: int = 3072
    text_depth: int = 12
    width: int = 256
    hidden: int = 2048
    layers: int = 6
    queries: int = 900
    points: int = 4


SMALL = Sizes(
    embed=8, patch=16, window=3, depths=(1, 2, 1, 1), heads=(1, 2, 2, 4), words=1060, text=64,
    text_hidden=32, text_depth=1, width=32, hidden=32, layers=2, queries=20, points=1,
)  # fmt: skip


def fused_attention(name: str, width: int) -> Shapes:
    """The parameters of torch's multi-head attention."""
    return {
        f"{name}.in_proj_weight": (3 * width, width),
        f"{name}.in_proj_bias": (3 * width,),
    } | linear(f"{name}.out_proj", width, width)


def swin_shapes(of: Sizes) -> Shapes:
    shapes = conv("backbone.0.patch_embed.proj", of.embed, 3, of.patch)
    shapes |= norm("backbone.0.patch_embed.norm", of.embed)
    for stage, depth in enumerate(of.depths):
        width, name = of.embed * 2**stage, f"backbone.0.layers.{stage}"
        for n in range(depth):
            shapes |= swin_block(f"{name}.blocks.{n}", width, of.heads[stage], of.window)
        if stage + 1 < len(of.depths):
            shapes |= norm(f"{name}.downsample.norm", 4 * width)
            shapes[f"{name}.downsample.reduction.weight"] = (2 * width, 4 * width)
        if stage:
            shapes |= norm(f"backbone.0.norm{stage}", width)
    return shapes


def swin_block(name: str, width: int, heads: int, window: int) -> Shapes:
    return {
        **norm(f"{name}.norm1", width),
        f"{name}.attn.relative_position_bias_table": ((2 * window - 1) ** 2, heads),
        f"{name}.attn.relative_position_index": (window**2, window**2),
        **linear(f"{name}.attn.qkv", 3 * width, width),
        **linear(f"{name}.attn.proj", width, width),
        **norm(f"{name}.norm2", width),
        **linear(f"{name}.mlp.fc1", 4 * width, width),
        **linear(f"{name}.mlp.fc2", width, 4 * width),
    }


def bert_shapes(of: Sizes) -> Shapes:
    shapes: Shapes = {
        "bert.embeddings.position_ids": (1, 512),
        "bert.embeddings.word_embeddings.weight": (of.words, of.text),
        "bert.embeddings.position_embeddings.weight": (512, of.text),
        "bert.embeddings.token_type_embeddings.weight": (2, of.text),
        **norm("bert.embeddings.LayerNorm", of.text),
        **linear("bert.pooler.dense", of.text, of.text),
    }
    for n in range(of.text_depth):
        name = f"bert.encoder.layer.{n}"
        for which in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= linear(f"{name}.attention.{which}", of.text, of.text)
        shapes |= norm(f"{name}.attention.output.LayerNorm", of.text)
        shapes |= linear(f"{name}.intermediate.dense", of.text_hidden, of.text)
        shapes |= linear(f"{name}.output.dense", of.text, of.text_hidden)
        shapes |= norm(f"{name}.output.LayerNorm", of.text)
    return shapes


def deformable(name: str, of: Sizes) -> Shapes:
    samples = 8 * 4 * of.points  # heads, levels
    shapes = linear(f"{name}.sampling_offsets", 2 * samples, of.width)
    shapes |= linear(f"{name}.attention_weights", samples, of.width)
    shapes |= linear(f"{name}.value_proj", of.width, of.width)
    return shapes | linear(f"{name}.output_proj", of.width, of.width)


def feed_forward(name: str, width: int, hidden: int) -> Shapes:
    return linear(f"{name}.linear1", hidden, width) | linear(f"{name}.linear2", width, hidden)


def encoder_layer(n: int, of: Sizes) -> Shapes:
    seen, read, both = (f"transformer.encoder.{w}layers.{n}" for w in ("", "text_", "fusion_"))
    shapes = deformable(f"{seen}.self_attn", of) | feed_forward(seen, of.width, of.hidden)
    shapes |= fused_attention(f"{read}.self_attn", of.width) | feed_forward(
        read, of.width, of.hidden // 2
    )
    for name in (seen, read):
        shapes |= norm(f"{name}.norm1", of.width) | norm(f"{name}.norm2", of.width)
    for which in "vl":
        shapes |= norm(f"{both}.layer_norm_{which}", of.width)
        shapes[f"{both}.gamma_{which}"] = (of.width,)
        for role in ("", "values_"):
            shapes |= linear(f"{both}.attn.{role}{which}_proj", of.hidden // 2, of.width)
        shapes |= linear(f"{both}.attn.out_{which}_proj", of.width, of.hidden // 2)
    return shapes


def decoder_layer(n: int, of: Sizes) -> Shapes:
    name = f"transformer.decoder.layers.{n}"
    shapes = deformable(f"{name}.cross_attn", of) | feed_forward(name, of.width, of.hidden)
    shapes |= fused_attention(f"{name}.self_attn", of.width) | fused_attention(
        f"{name}.ca_text", of.width
    )
    for which in ("norm1", "norm2", "norm3", "catext_norm"):
        shapes |= norm(f"{name}.{which}", of.width)
    for boxes in ("bbox_embed", "transformer.decoder.bbox_embed"):
        shapes |= mlp(f"{boxes}.{n}", of.width, of.width, of.width, 4)
    return shapes


def shapes(of: Sizes) -> Shapes:
    width = of.width
    found = swin_shapes(of) | bert_shapes(of) | linear("feat_map", width, of.text)
    for level in range(4):
        into, side = (of.embed * 2 ** (level + 1), 1) if level < 3 else (of.embed * 8, 3)
        found |= conv(f"input_proj.{level}.0", width, into, side)
        found |= norm(f"input_proj.{level}.1", width)
    for n in range(of.layers):
        found |= encoder_layer(n, of) | decoder_layer(n, of)
    return found | {
        "label_enc.weight": (2001, width),
        "transformer.level_embed": (4, width),
        "transformer.tgt_embed.weight": (of.queries, width),
        **linear("transformer.enc_output", width, width),
        **norm("transformer.enc_output_norm", width),
        **mlp("transformer.enc_out_bbox_embed", width, width, width, 4),
        **mlp("transformer.decoder.ref_point_head", 2 * width, width, width),
        **norm("transformer.decoder.norm", width),
    }


def state(of: Sizes = SMALL, seed: int = 0) -> dict[str, Tensor]:
    """A state dict; queries and texts are correlated, so that some scores pass and some do not."""
    weights = fill_weights(shapes(of), seed)
    for boxes in [name for name in weights if name.startswith("bbox_embed.")]:
        first = boxes.replace(boxes.split(".")[1], "0", 1)
        weights[boxes] = weights[f"transformer.decoder.{boxes}"] = weights[first]
    last = f"transformer.encoder.text_layers.{of.layers - 1}.norm2"
    lean = torch.full((of.width,), of.width**-0.5)
    weights["transformer.decoder.norm.bias"] += lean
    weights[f"{last}.weight"] *= 0.2
    weights[f"{last}.bias"] -= 1.1 * lean
    return weights
