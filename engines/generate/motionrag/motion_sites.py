"""Where MotionRAG's adapters sit in a base model of diffusers."""

import re
from typing import TYPE_CHECKING, Any

from data.errors import UserError

if TYPE_CHECKING:
    from torch import nn

SPATIAL = re.compile(r"^(?:down_blocks|mid_block|up_blocks)\..*\btransformer_blocks\.0\.attn2$")
JOINT = re.compile(r"^transformer_blocks\.\d+\.attn1$")
# The attentions that are adapted, by the class of the base: SVD's spatial cross-attentions, and
# all of CogVideoX's (motionrag.md, 4.2 and 4.4).
PATTERNS = {"UNetSpatioTemporalConditionModel": SPATIAL, "CogVideoXTransformer3DModel": JOINT}
# How checkpoints call the base.
PREFIXES = {
    "UNetSpatioTemporalConditionModel": "unet.",
    "CogVideoXTransformer3DModel": "transformer.",
}


def find_base(pipe: Any) -> "nn.Module":
    """The network of a pipeline that is adapted; a UserError for a pipeline of another kind."""
    for part in (getattr(pipe, "unet", None), getattr(pipe, "transformer", None)):
        if part is not None and type(part).__name__ in PATTERNS:
            found: nn.Module = part
            return found
    raise UserError(
        f"motionrag cannot condition {type(pipe).__name__}: it takes pipelines of Stable Video"
        " Diffusion and CogVideoX that start from an image"
    )


def list_motion_sites(base: "nn.Module") -> dict[str, tuple[int, int]]:
    """Channels and heads of the attentions that are adapted, by their names in the base."""
    pattern, sites = PATTERNS[type(base).__name__], dict[str, tuple[int, int]]()
    for name, module in base.named_modules():
        if pattern.match(name) and "temporal_transformer_blocks" not in name:
            attention: Any = module
            sites[name] = (attention.to_out[0].in_features, attention.heads)
    return sites


def name_adapters(base: "nn.Module") -> dict[str, str]:
    """The names of a base's adapters in a release, by their names here."""
    prefix = PREFIXES[type(base).__name__]
    return {
        f"adapters.{number}.{part}.0.weight": f"{prefix}{site}.processor.{part}.0.weight"
        for number, site in enumerate(list_motion_sites(base))
        for part in ("to_q_ip", "to_k_ip", "to_v_ip")
    }
