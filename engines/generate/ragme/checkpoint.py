"""Reads and writes controllers' folders as RAGME releases them (ragme.md, section 3.2)."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from data.errors import UserError
from engines.generate.ragme.infer_config import Shapes, infer_config
from engines.nets.controller_config import ControllerConfig, to_release_layout
from engines.weights_file import open_weights

if TYPE_CHECKING:
    from torch import nn

    from engines.generate.ragme.injection_sites import Site
    from engines.nets.controller import Controller

PREFIX = "controller."
FILE = "controller.safetensors"


@dataclass(frozen=True, slots=True)
class LoadedController:
    """A controller, and remarks on its folder: what had to be guessed, and what is odd."""

    controller: "Controller"
    remarks: list[str]


def find_weights(folder: Path) -> Path:
    """The parameters of the last checkpoint of a controller's folder; a UserError without any."""
    files = list(folder.glob(f"checkpoints/*/{FILE}"))
    if not files:
        raise UserError(f"no checkpoints/<step>/{FILE} in {folder}: give a controller's folder")
    # By number, as step 900 is older than step 1000.
    return max(files, key=lambda file: _natural_key(file.parent.name))


def load_controller(folder: Path, sites: "Sequence[Site]") -> LoadedController:
    """The controller in a folder, for a UNet with these sites.

    A UserError lists every parameter that is missing, unknown or of another shape than the config
    gives it, and names sites that differ from the UNet's.
    """
    file = find_weights(folder)
    with open_weights(file):
        return _load_controller(folder, file, sites)


def _load_controller(folder: Path, file: Path, sites: "Sequence[Site]") -> LoadedController:
    import torch
    from safetensors.torch import load_file

    from engines.nets.controller import Controller

    actual = read_shapes(file)
    config, remarks = infer_config(_read_config(folder), actual)
    _check_sites(config, sites, folder)
    # On the meta device: shapes only, compared before a gigabyte of weights is read.
    with torch.device("meta"):
        controller = Controller(config)
    expected = {key: tuple(value.shape) for key, value in controller.state_dict().items()}
    differences = list(_list_differences(expected, actual))
    if differences:
        raise UserError(f"{file} does not fit its config: {', '.join(differences)}")
    state = {key.removeprefix(PREFIX): value for key, value in load_file(file).items()}
    # A file may hold a shared tensor once: its other names are filled in here.
    state |= {key: state[_shared_norm_key(key)] for key in expected if key not in state}
    controller.load_state_dict(state, assign=True)
    untrained = [j for j, gate in enumerate(controller.infuser.zero_convs) if not _is_trained(gate)]
    if untrained:
        remarks.append(f"untrained sites, which add nothing: {', '.join(map(str, untrained))}")
    return LoadedController(controller.eval(), remarks)


def read_mode(folder: Path) -> str:
    """The mode of the controller in a folder: `add` or `crossattn`."""
    return infer_config(_read_config(folder), read_shapes(find_weights(folder)))[0].mode


def save_controller(controller: "Controller", folder: Path, step: int) -> None:
    """Writes the controller as checkpoint `step` of a folder, in the layout of the release."""
    from safetensors.torch import save_file

    file = folder / "checkpoints" / str(step) / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{FILE}.part")
    # Copies: the norm of `add` has two names for one tensor, which safetensors refuses to write.
    state = {PREFIX + key: value.clone() for key, value in controller.state_dict().items()}
    save_file({key: value.contiguous() for key, value in state.items()}, draft)
    # Training may be killed at any time: a checkpoint is there whole or not at all.
    os.replace(draft, file)
    config = to_release_layout(controller.config)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def read_shapes(file: Path) -> Shapes:
    """The shapes of the parameters in a file by name, less the prefix; tensors are not loaded."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            # Only the header is read: it alone tells whether the file fits.
            keys = list(opened.keys())
            shapes = {key: tuple(opened.get_slice(key).get_shape()) for key in keys}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise UserError(
            f"{file} is truncated or not a safetensors file ({error}): download it again"
        ) from error
    return {key.removeprefix(PREFIX): shape for key, shape in shapes.items()}


def _read_config(folder: Path) -> dict[str, object]:
    file = folder / "config.yaml"
    if not file.exists():
        return {}  # not an error: the shapes tell most of it
    try:
        config = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise UserError(f"{file} is not YAML: {error}") from error
    return config if isinstance(config, dict) else {}


def _check_sites(config: ControllerConfig, sites: "Sequence[Site]", folder: Path) -> None:
    channels = tuple(site.channels for site in sites)
    if config.channels != channels:
        raise UserError(
            f"{folder} is a controller for another base: it adds at {len(config.channels)} sites of"
            f" {list(config.channels)} channels, the UNet has {len(channels)} of {list(channels)}"
        )


def _list_differences(expected: Shapes, actual: Shapes) -> Iterator[str]:
    for key in sorted(expected.keys() | actual.keys()):
        if key not in actual:
            if _shared_norm_key(key) not in actual:
                yield f"{PREFIX}{key} is missing"
        elif key not in expected:
            yield f"{PREFIX}{key} is unknown"
        elif actual[key] != expected[key]:
            yield f"{PREFIX}{key} is {actual[key]}, not {expected[key]}"


def _shared_norm_key(key: str) -> str:
    """The first name of a parameter of the norm that `add` uses three times, under three names."""
    return re.sub(r"(blocks\.\d+)\.body\.[25]\.", r"\1.norm_in.", key)


def _is_trained(gate: "nn.Module") -> bool:
    """Whether a zero convolution has left zero; gradients did not reach it otherwise."""
    return any(bool(parameter.any()) for parameter in gate.parameters())


def _natural_key(name: str) -> list[tuple[int, str]]:
    """Sorts numbers in a name by value: 9 before 10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
