"""DINO (Caron et al. 2021): what a thing looks like, as a vector; v1's ViT-B/16, or of any size."""

from typing import TYPE_CHECKING

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.vision import checkpoint
from engines.evaluate.vision.encoder import Encoder
from engines.evaluate.vision.images import IMAGENET, bicubic, square_pad

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer

FILE = "dino_vitbase16_pretrain.pth"
FETCH = f"curl -LO https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/{FILE}"
HEAD = 64  # channels


def load(spec: EvaluateSpec, file: str) -> Encoder:
    """The encoder of a picture on white: the class token after the last norm, (768,) of ViT-B.

    A picture is padded to a square with white, and resized by Pillow's bicubic filter.
    """
    weights, of = checkpoint.read(file), f"DINO ({file})"
    model = checkpoint.load(architecture(checkpoint.Shapes(weights, of)), weights, of)
    size = model.patch_embed.img_size[0]
    return Encoder(model, lambda seen: bicubic(square_pad(seen), size), *IMAGENET, model.embed_dim)


def architecture(shapes: checkpoint.Shapes) -> "VisionTransformer":
    """timm's vision transformer without a head, of the sizes that the weights have."""
    from timm.models.vision_transformer import VisionTransformer

    dim, _, patch, _ = shapes["patch_embed.proj.weight"]
    places = shapes["pos_embed"][1] - 1
    return VisionTransformer(
        img_size=round(np.sqrt(places)) * patch,
        patch_size=patch,
        embed_dim=dim,
        depth=sum(name.endswith(".norm1.weight") for name in shapes),
        num_heads=max(1, dim // HEAD),
        mlp_ratio=shapes["blocks.0.mlp.fc1.weight"][0] / dim,
        num_classes=0,
    )
