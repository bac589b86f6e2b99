"""DINO (Caron et al. 2021): appearance vectors, by version 1's ViT-B/16 or another size."""

from typing import TYPE_CHECKING

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.evaluate.vision.encoder import Encoder
from engines.evaluate.vision.images import IMAGENET, pad_square, resize_bicubic

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer

FILE = "dino_vitbase16_pretrain.pth"
FETCH = f"curl -LO https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/{FILE}"
HEAD = 64  # channels of an attention head


def load(spec: EvaluateSpec, file: str) -> Encoder:
    """The encoder of pictures to the class token after the last norm, (768,) for ViT-B.

    A picture is padded with white to a square and resized by Pillow's bicubic filter.
    """
    weights, label = checkpoint.read_weights(file), f"DINO ({file})"
    model = checkpoint.load_weights(
        build_network(checkpoint.WeightShapes(weights, label)), weights, label
    )
    size = model.patch_embed.img_size[0]
    return Encoder(
        model, lambda picture: resize_bicubic(pad_square(picture), size), *IMAGENET, model.embed_dim
    )


def build_network(shapes: checkpoint.WeightShapes) -> "VisionTransformer":
    """timm's vision transformer without a head, in the sizes of the weights."""
    from timm.models.vision_transformer import VisionTransformer

    dim, _, patch, _ = shapes["patch_embed.proj.weight"]
    positions = shapes["pos_embed"][1] - 1  # less the class token's
    return VisionTransformer(
        img_size=round(np.sqrt(positions)) * patch,
        patch_size=patch,
        embed_dim=dim,
        depth=sum(name.endswith(".norm1.weight") for name in shapes),
        num_heads=max(1, dim // HEAD),
        mlp_ratio=shapes["blocks.0.mlp.fc1.weight"][0] / dim,
        num_classes=0,
    )
