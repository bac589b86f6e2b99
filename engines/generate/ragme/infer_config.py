"""A controller's config, from what its `config.yaml` says and what its parameters show."""

from collections.abc import Mapping
from typing import Any

from data.errors import UserError
from engines.nets.controller_config import ControllerConfig, Norm, Tokens

Shapes = Mapping[str, tuple[int, ...]]
# What the published classes default to: 12 sites, for a UNet that calls 16.
UNUSABLE = tuple([320] * 4 + [640] * 3 + [1280] * 3 + [1280] * 2)


def inferred(said: Mapping[str, Any], shapes: Shapes) -> tuple[ControllerConfig, list[str]]:
    """The config, and what of it neither the file nor the parameters' shapes say: guessed."""
    controller = _params(_params(said).get("controller_config", {}))
    network = _params(controller.get("controller_network_config", {}))
    infuser = _params(network.get("infuser_config", {}))
    guesses: list[str] = []

    def given(key: str, otherwise: Any) -> Any:
        if key not in network:
            guesses.append(f"{key} is taken to be {otherwise}")
        return network.get(key, otherwise)

    mode, videos = _mode(infuser.get("mode"), shapes, guesses)
    cin = network.get("cin", shapes.get("body.0.norm1.weight", (512,))[0])
    config = ControllerConfig(
        channels=_channels(infuser, shapes),
        cin=cin,
        layers=network.get("num_layers", _count("body", shapes)),
        mode=mode,
        tokens=_tokens(network, mode, shapes, guesses),
        videos=videos,
        spatial_average=given("spatial_average", True),
        temporal_average=given("temporal_average", True),
        only_cross_attention=infuser.get("only_cross_attention", _only_cross(shapes, cin)),
        norm=_norm(infuser, controller, shapes),
        time_channels=shapes.get("infuser.blocks.0.norm1.linear.weight", (0, 1280))[1],
        positions=network.get("positions", False),
    )
    return config, guesses


def _params(said: Any) -> dict[str, Any]:
    """The parameters of a part, which may stand beside the class's name or by themselves."""
    return dict(said.get("params", said)) if isinstance(said, Mapping) else {}


def _count(name: str, shapes: Shapes) -> int:
    """How many numbered parts a list of modules has."""
    start = name.count(".") + 1
    numbers = {key.split(".")[start] for key in shapes if key.startswith(f"{name}.")}
    return len(numbers)


def _channels(infuser: Mapping[str, Any], shapes: Shapes) -> tuple[int, ...]:
    """Those of the zero convolutions, or of the file where it is plain about them."""
    count = _count("infuser.zero_convs", shapes)
    held = tuple(shapes.get(f"infuser.zero_convs.{j}.weight", (0,))[0] for j in range(count))
    if not isinstance(infuser.get("channels"), list):
        return held
    layers = infuser.get("num_layers", [1] * len(infuser["channels"]))
    pairs = zip(infuser["channels"], layers, strict=True)
    named = tuple(width for width, times in pairs for _ in range(times))
    if named == UNUSABLE:
        raise UserError(
            "config.yaml has the published class's default channels and num_layers: 12 sites, of"
            " which the third has 320 channels where the UNet has 640, so it never ran; name those"
            " it was trained with, or leave both out: they are read from the checkpoint"
        )
    return named


def _mode(said: str | None, shapes: Shapes, guesses: list[str]) -> tuple[Any, Any]:
    """`crossattn-temporal-loop` as its first and third part; the second says nothing."""
    if said is None:
        mode = "add" if "infuser.blocks.0.in_layer.weight" in shapes else "crossattn"
        if mode == "crossattn":
            guesses.append("clips are taken to be attended to one beside another (loop)")
        return mode, "loop" if mode == "crossattn" else "mean"
    parts = said.split("-")
    videos = parts[2] if len(parts) > 2 else "mean"
    if parts[0] not in ("add", "crossattn") or videos not in ("mean", "loop"):
        raise UserError(
            f"config.yaml: a controller of mode {said!r} cannot be run: only `add` and `crossattn`,"
            " with `-temporal-mean` or `-temporal-loop` after it, are known"
        )
    return parts[0], videos


def _tokens(network: Mapping[str, Any], mode: str, shapes: Shapes, guesses: list[str]) -> Tokens:
    if network.get("use_cls_token", "cls_token" in shapes):
        return "cls"
    if "use_mean" not in network and mode == "crossattn":
        guesses.append("every frame's token of a clip is taken, not their mean")
    return "mean" if network.get("use_mean", mode == "add") else "all"


def _only_cross(shapes: Shapes, cin: int) -> bool:
    """Whether no first attention has as many inputs as its site has channels."""
    found = (
        shapes[key] for key in shapes if key.endswith("attn1.to_k.weight") and "infuser" in key
    )
    return all(shape[-1] == cin for shape in found)


def _norm(infuser: Mapping[str, Any], controller: Mapping[str, Any], shapes: Shapes) -> Norm:
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
