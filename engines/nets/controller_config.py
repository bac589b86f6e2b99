"""What a controller is made of: the fields of a released `config.yaml`."""

from dataclasses import dataclass
from typing import Any, Literal

Tokens = Literal["cls", "mean", "all"]
Norm = Literal["learned", "unet", "layer"]


@dataclass(frozen=True)
class ControllerConfig:
    """A RAGME controller (arXiv 2504.06672) for a UNet with these channels at its sites, in order.

    `tokens` is what the encoder gives of a clip: its CLS, the mean of its frames, or all of them.
    `videos`: clips are averaged, or attended to one beside another (`loop`). `norm` sees the
    timestep through an embedding of its own, through the UNet's of `time_channels`, or not at all.
    `positions` (in no published checkpoint) tells the encoder when in the clip a frame is, and
    queries that are not averaged when and where in the video they are.
    """

    channels: tuple[int, ...]
    cin: int = 512
    layers: int = 8
    mode: Literal["crossattn", "add"] = "crossattn"
    tokens: Tokens = "all"
    videos: Literal["mean", "loop"] = "mean"
    spatial_average: bool = True
    temporal_average: bool = True
    only_cross_attention: bool = True
    norm: Norm = "learned"
    time_channels: int = 1280
    positions: bool = False


def written(config: ControllerConfig) -> dict[str, Any]:
    """The config in the layout of a released `config.yaml`."""
    infuser = {
        "mode": config.mode if config.mode == "add" else f"crossattn-temporal-{config.videos}",
        "channels": list(config.channels),
        "num_layers": [1] * len(config.channels),
        "cross_attention_dim": config.cin,
        "only_cross_attention": config.only_cross_attention,
        "norm_type": "layer_norm" if config.norm == "layer" else "ada_norm",
    }
    network = {
        "cin": config.cin,
        "num_layers": config.layers,
        "use_cls_token": config.tokens == "cls",
        "use_mean": config.tokens == "mean",
        "spatial_average": config.spatial_average,
        "temporal_average": config.temporal_average,
        "positions": config.positions,
        "infuser_config": infuser,
    }
    params = {
        "learnable_timestep": config.norm != "unet",
        "controller_network_config": {"params": network},
    }
    return {"controller_config": {"params": params}}
