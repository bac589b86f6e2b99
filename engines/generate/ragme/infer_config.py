"""Infers a controller's config from its `config.yaml` and its parameters' shapes.

Which shape shows what: ragme.md, section 3.6.
"""

from collections.abc import Mapping
from typing import Any

from data.errors import UserError
from engines.nets.controller_config import ControllerConfig, Norm, Tokens

Shapes = Mapping[str, tuple[int, ...]]
# The published class's defaults: 12 sites, for a UNet that calls 16.
UNUSABLE = tuple([320] * 4 + [640] * 3 + [1280] * 3 + [1280] * 2)


def infer_config(config: Mapping[str, Any], shapes: Shapes) -> tuple[ControllerConfig, list[str]]:
    """The config, and remarks on what neither the file nor the shapes show: those are guesses."""
    controller = _read_params(_read_params(config).get("controller_config", {}))
    network = _read_params(controller.get("controller_network_config", {}))
    infuser = _read_params(network.get("infuser_config", {}))
    guesses: list[str] = []

    def read_option(key: str, default: Any) -> Any:
        if key not in network:
            guesses.append(f"{key} is assumed to be {default}")
        return network.get(key, default)

    mode, videos = _infer_mode(infuser.get("mode"), shapes, guesses)
    cin = network.get("cin", shapes.get("body.0.norm1.weight", (512,))[0])
    inferred = ControllerConfig(
        channels=_infer_channels(infuser, shapes),
        cin=cin,
        layers=network.get("num_layers", _count_parts("body", shapes)),
        mode=mode,
        tokens=_infer_tokens(network, mode, shapes, guesses),
        videos=videos,
        spatial_average=read_option("spatial_average", True),
        temporal_average=read_option("temporal_average", True),
        only_cross_attention=infuser.get("only_cross_attention", _infer_only_cross(shapes, cin)),
        norm=_infer_norm(infuser, controller, shapes),
        time_channels=shapes.get("infuser.blocks.0.norm1.linear.weight", (0, 1280))[1],
        positions=network.get("positions", False),
    )
    return inferred, guesses


def _read_params(part: Any) -> dict[str, Any]:
    """The parameters of a part, which may stand beside the class's name or by themselves."""
    return dict(part.get("params", part)) if isinstance(part, Mapping) else {}


def _count_parts(name: str, shapes: Shapes) -> int:
    """How many numbered parts a list of modules has."""
    start = name.count(".") + 1
    numbers = {key.split(".")[start] for key in shapes if key.startswith(f"{name}.")}
    return len(numbers)


def _infer_channels(infuser: Mapping[str, Any], shapes: Shapes) -> tuple[int, ...]:
    """The sites' channels: those of the file if it lists them, else of the zero convolutions."""
    count = _count_parts("infuser.zero_convs", shapes)
    actual = tuple(shapes.get(f"infuser.zero_convs.{j}.weight", (0,))[0] for j in range(count))
    if not isinstance(infuser.get("channels"), list):
        return actual
    layers = infuser.get("num_layers", [1] * len(infuser["channels"]))
    pairs = zip(infuser["channels"], layers, strict=True)
    listed = tuple(width for width, times in pairs for _ in range(times))
    # Named by itself: "does not fit" would send its user to look for another base.
    if listed == UNUSABLE:
        raise UserError(
            "config.yaml has the published class's default channels and num_layers: 12 sites, the"
            " third with 320 channels where the UNet has 640, so it never ran; give those it was"
            " trained with, or omit both: they are read from the checkpoint"
        )
    return listed


def _infer_mode(name: str | None, shapes: Shapes, guesses: list[str]) -> tuple[Any, Any]:
    """The first and third part of `crossattn-temporal-loop`; RAGME's code ignores the second."""
    if name is None:
        mode = "add" if "infuser.blocks.0.in_layer.weight" in shapes else "crossattn"
        if mode == "crossattn":
            guesses.append("clips are assumed to be attended to side by side (loop)")
        return mode, "loop" if mode == "crossattn" else "mean"
    parts = name.split("-")
    videos = parts[2] if len(parts) > 2 else "mean"
    if parts[0] not in ("add", "crossattn") or videos not in ("mean", "loop"):
        raise UserError(
            f"config.yaml: unsupported controller mode {name!r}: use `add` or `crossattn`,"
            " optionally followed by `-temporal-mean` or `-temporal-loop`"
        )
    return parts[0], videos


def _infer_tokens(
    network: Mapping[str, Any], mode: str, shapes: Shapes, guesses: list[str]
) -> Tokens:
    if network.get("use_cls_token", "cls_token" in shapes):
        return "cls"
    if "use_mean" not in network and mode == "crossattn":
        guesses.append("all tokens of a clip are assumed to be used, not their mean")
    # `add` has room for one token a clip only.
    return "mean" if network.get("use_mean", mode == "add") else "all"


def _infer_only_cross(shapes: Shapes, cin: int) -> bool:
    """Whether every site's first attention takes the clips' features, not the site's own."""
    inputs = (
        shapes[key] for key in shapes if key.endswith("attn1.to_k.weight") and "infuser" in key
    )
    return all(shape[-1] == cin for shape in inputs)


def _infer_norm(infuser: Mapping[str, Any], controller: Mapping[str, Any], shapes: Shapes) -> Norm:
    first = {key.split(".", 4)[-1] for key in shapes if key.startswith("infuser.blocks.0.norm")}
    shown: Norm = "layer"
    if "emb.weight" in first:
        shown = "learned"
    elif "linear.weight" in first:
        shown = "unet"
    if "norm_type" not in infuser:
        return shown
    if infuser["norm_type"] == "layer_norm":
        return "layer"
    learnable = controller.get("learnable_timestep", shown != "unet")
    return "learned" if learnable else "unet"
