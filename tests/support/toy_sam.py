"""Random Segment Anything weights of any size under their published names."""

from dataclasses import dataclass

from torch import Tensor

from support.toy_layers import Shapes, conv, fill_weights, linear, mlp, norm


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network; the defaults are those of the published ViT-B."""

    depth: int = 12
    width: int = 768
    heads: int = 12
    patch: int = 16
    grid: int = 64
    window: int = 14
    whole: tuple[int, ...] = (2, 5, 8, 11)
    neck: int = 256
    hidden: int = 2048
    masked: int = 16


SMALL = Sizes(2, 32, 2, 8, 8, 3, (1,), 32, 32, 8)


def attention(name: str, width: int, inner: int) -> Shapes:
    """SAM's attention: three input projections and one output projection."""
    inward = [linear(f"{name}.{which}_proj", inner, width) for which in "qkv"]
    return inward[0] | inward[1] | inward[2] | linear(f"{name}.out_proj", width, inner)


def shapes(of: Sizes) -> Shapes:
    image, prompt, mask = "image_encoder", "prompt_encoder", "mask_decoder"
    found: Shapes = {
        f"{image}.pos_embed": (1, of.grid, of.grid, of.width),
        **conv(f"{image}.patch_embed.proj", of.width, 3, of.patch),
        f"{image}.neck.0.weight": (of.neck, of.width, 1, 1),
        **norm(f"{image}.neck.1", of.neck),
        f"{image}.neck.2.weight": (of.neck, of.neck, 3, 3),
        **norm(f"{image}.neck.3", of.neck),
        f"{prompt}.pe_layer.positional_encoding_gaussian_matrix": (2, of.neck // 2),
        f"{prompt}.not_a_point_embed.weight": (1, of.neck),
        f"{prompt}.no_mask_embed.weight": (1, of.neck),
        **conv(f"{prompt}.mask_downscaling.0", of.masked // 4, 1, 2),
        **norm(f"{prompt}.mask_downscaling.1", of.masked // 4),
        **conv(f"{prompt}.mask_downscaling.3", of.masked, of.masked // 4, 2),
        **norm(f"{prompt}.mask_downscaling.4", of.masked),
        **conv(f"{prompt}.mask_downscaling.6", of.neck, of.masked, 1),
        f"{mask}.iou_token.weight": (1, of.neck),
        f"{mask}.mask_tokens.weight": (4, of.neck),
        **attention(f"{mask}.transformer.final_attn_token_to_image", of.neck, of.neck // 2),
        **norm(f"{mask}.transformer.norm_final_attn", of.neck),
        f"{mask}.output_upscaling.0.weight": (of.neck, of.neck // 4, 2, 2),
        f"{mask}.output_upscaling.0.bias": (of.neck // 4,),
        **norm(f"{mask}.output_upscaling.1", of.neck // 4),
        f"{mask}.output_upscaling.3.weight": (of.neck // 4, of.neck // 8, 2, 2),
        f"{mask}.output_upscaling.3.bias": (of.neck // 8,),
        **mlp(f"{mask}.iou_prediction_head", of.neck, of.neck, of.neck, 4),
    }
    for n in range(4):
        found |= {f"{prompt}.point_embeddings.{n}.weight": (1, of.neck)}
        hyper = f"{mask}.output_hypernetworks_mlps.{n}"
        found |= mlp(hyper, of.neck, of.neck, of.neck, of.neck // 8)
    for n in range(of.depth):
        found |= sam_block(f"{image}.blocks.{n}", of, of.grid if n in of.whole else of.window)
    for n in range(2):
        found |= two_way(f"{mask}.transformer.layers.{n}", of)
    return found


def sam_block(name: str, of: Sizes, span: int) -> Shapes:
    places = (2 * span - 1, of.width // of.heads)
    return {
        **norm(f"{name}.norm1", of.width),
        f"{name}.attn.rel_pos_h": places,
        f"{name}.attn.rel_pos_w": places,
        **linear(f"{name}.attn.qkv", 3 * of.width, of.width),
        **linear(f"{name}.attn.proj", of.width, of.width),
        **norm(f"{name}.norm2", of.width),
        **linear(f"{name}.mlp.lin1", 4 * of.width, of.width),
        **linear(f"{name}.mlp.lin2", of.width, 4 * of.width),
    }


def two_way(name: str, of: Sizes) -> Shapes:
    shapes = attention(f"{name}.self_attn", of.neck, of.neck)
    shapes |= attention(f"{name}.cross_attn_token_to_image", of.neck, of.neck // 2)
    shapes |= attention(f"{name}.cross_attn_image_to_token", of.neck, of.neck // 2)
    shapes |= linear(f"{name}.mlp.lin1", of.hidden, of.neck)
    shapes |= linear(f"{name}.mlp.lin2", of.neck, of.hidden)
    for n in range(1, 5):
        shapes |= norm(f"{name}.norm{n}", of.neck)
    return shapes


def state(of: Sizes = SMALL, seed: int = 0) -> dict[str, Tensor]:
    """A state dict whose predicted IoUs are near 0.9 and whose masks cover about half."""
    weights = fill_weights(shapes(of), seed)
    weights["mask_decoder.iou_prediction_head.layers.2.weight"] *= 3
    weights["mask_decoder.iou_prediction_head.layers.2.bias"] += 1.32
    return weights
