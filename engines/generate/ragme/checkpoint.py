"""Folders of controllers as they are released: read strictly, and written."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from data.errors import UserError
from engines.generate.ragme.infer_config import Shapes, inferred
from engines.nets.controller_config import ControllerConfig, written

if TYPE_CHECKING:
    from torch import nn

    from engines.generate.ragme.injection_sites import Site
    from engines.nets.controller import Controller

PREFIX = "controller."
FILE = "controller.safetensors"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A controller, and what its folder did not say and had to be guessed, or is odd about it."""

    controller: "Controller"
    remarks: list[str]


def weights(folder: Path) -> Path:
    """The parameters of the last checkpoint (9 before 10) of a controller's folder."""
    found = list(folder.glob(f"checkpoints/*/{FILE}"))
    if not found:
        raise UserError(f"no checkpoints/<step>/{FILE} in {folder}: give a controller's folder")
    return max(found, key=lambda file: _natural(file.parent.name))


def load(folder: Path, sites: "Sequence[Site]") -> Loaded:
    """The controller in a folder, for a UNet of these sites.

    A UserError lists every parameter that is missing, is not known, or has another shape than the
    config gives it, and says where the sites differ from the UNet's.
    """
    import torch
    from safetensors.torch import load_file

    from engines.nets.controller import Controller

    file = weights(folder)
    held = shapes(file)
    config, remarks = inferred(_said(folder), held)
    _check_sites(config, sites, folder)
    with torch.device("meta"):
        controller = Controller(config)
    expected = {key: tuple(value.shape) for key, value in controller.state_dict().items()}
    differences = list(_differences(expected, held))
    if differences:
        raise UserError(f"{file} is not the controller that is asked for: {', '.join(differences)}")
    state = {key.removeprefix(PREFIX): value for key, value in load_file(file).items()}
    state |= {key: state[_twin(key)] for key in expected if key not in state}
    controller.load_state_dict(state, assign=True)
    silent = [j for j, gate in enumerate(controller.infuser.zero_convs) if not _speaks(gate)]
    if silent:
        remarks.append(f"sites {', '.join(map(str, silent))} add nothing: they were never trained")
    return Loaded(controller.eval(), remarks)


def save(controller: "Controller", folder: Path, step: int) -> None:
    """Stores the controller as checkpoint `step` of a folder, as released ones lie."""
    from safetensors.torch import save_file

    file = folder / "checkpoints" / str(step) / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{FILE}.part")
    state = {PREFIX + key: value.clone() for key, value in controller.state_dict().items()}
    save_file({key: value.contiguous() for key, value in state.items()}, draft)
    os.replace(draft, file)
    (folder / "config.yaml").write_text(yaml.safe_dump(written(controller.config), sort_keys=False))


def shapes(file: Path) -> Shapes:
    """Names, less the prefix, and shapes of the parameters in a file, which is not loaded."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            keys = list(opened.keys())
            found = {key: tuple(opened.get_slice(key).get_shape()) for key in keys}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise UserError(f"{file} is cut short, or no safetensors ({error}): get it anew") from error
    return {key.removeprefix(PREFIX): shape for key, shape in found.items()}


def _said(folder: Path) -> dict[str, object]:
    file = folder / "config.yaml"
    if not file.exists():
        return {}
    try:
        said = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise UserError(f"{file} is no YAML: {error}") from error
    return said if isinstance(said, dict) else {}


def _check_sites(config: ControllerConfig, sites: "Sequence[Site]", folder: Path) -> None:
    there = tuple(site.channels for site in sites)
    if config.channels != there:
        raise UserError(
            f"{folder} is a controller for another base: it adds at {len(config.channels)} sites of"
            f" {list(config.channels)} channels, and the UNet has {len(there)} of {list(there)}"
        )


def _differences(expected: Shapes, held: Shapes) -> Iterator[str]:
    for key in sorted(expected.keys() | held.keys()):
        if key not in held:
            if _twin(key) not in held:
                yield f"{PREFIX}{key} is missing"
        elif key not in expected:
            yield f"{PREFIX}{key} is not known"
        elif held[key] != expected[key]:
            yield f"{PREFIX}{key} is {held[key]}, not {expected[key]}"


def _twin(key: str) -> str:
    """Where else a parameter lies that has two names: the norm that `add` uses three times."""
    return re.sub(r"(blocks\.\d+)\.body\.[25]\.", r"\1.norm_in.", key)


def _speaks(gate: "nn.Module") -> bool:
    return any(bool(parameter.any()) for parameter in gate.parameters())


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts numbers in a name by value."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
