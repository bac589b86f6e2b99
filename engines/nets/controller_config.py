"""The configuration of a controller: the fields of a released `config.yaml`."""

from dataclasses import dataclass
from typing import Any, Literal

Tokens = Literal["cls", "mean", "all"]
Norm = Literal["learned", "unet", "layer"]


@dataclass(frozen=True)
class ControllerConfig:
    """A RAGME controller (arXiv 2504.06672) for a UNet with `channels` at its injection sites.

    `tokens` is the encoder's output for a clip: CLS, the mean of its frames, or all of them.
    `videos`: clips are averaged (`mean`) or concatenated (`loop`). `norm` takes the timestep from
    an embedding of its own, from the UNet's of `time_channels`, or ignores it. `positions` (in no
    published checkpoint) adds position codes to the encoder's frames and to queries that are not
    averaged.
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


def to_release_layout(config: ControllerConfig) -> dict[str, Any]:
    """The config as nested dicts in the layout of a released `config.yaml`."""
    infuser = {
        # The second field, here `temporal`, is parsed by the published code and not used.
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
