"""Checkpoints that pickle a whole module, made into plain weights without running their code."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from engines.evaluate.vision import safe_unpickle

if TYPE_CHECKING:
    from torch import Tensor

KEYS = ("ema", "model")  # where a module lies in a checkpoint, the averaged one first
MOST = 20_000  # modules


def convert(file: str, out: str) -> int:
    """Writes the parameters and buffers of a pickled module as .safetensors; their number.

    They keep their names and precision. A UserError where there is no module, or one that holds
    anything but tensors where its weights are.
    """
    from safetensors.torch import save_file

    if not Path(file).is_file():
        raise UserError(f"no file {file}: give the path of a checkpoint")
    if Path(out).suffix != ".safetensors":
        raise UserError(f"{out} must end in .safetensors")
    weights = {name: value.contiguous() for name, value in _weights(_module(file))}
    if not weights:
        raise UserError(f"the module in {file} has no weights")
    draft = Path(out).with_name(f".{Path(out).name}.part")
    draft.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, draft)
    os.replace(draft, out)
    return len(weights)


def _module(file: str) -> Any:
    held = safe_unpickle.read(file)
    found = [held.get(key) for key in KEYS] if isinstance(held, Mapping) else [held]
    for module in found:
        if isinstance(getattr(module, "_modules", None), Mapping):
            return module
    raise UserError(f"{file} holds no pickled module: if it holds plain weights, use it as it is")


def _weights(module: Any) -> "Iterator[tuple[str, Tensor]]":
    """Names and tensors as `state_dict` gives them."""
    import torch

    waiting = [("", module)]
    for _ in range(MOST):
        if not waiting:
            return
        prefix, here = waiting.pop()
        unkept = getattr(here, "_non_persistent_buffers_set", ())
        for name, value in (_named(here, "_parameters") | _named(here, "_buffers")).items():
            if value is None or name in unkept:
                continue
            if not isinstance(value, torch.Tensor):
                raise UserError(f"{prefix}{name} is no tensor: refused")
            yield f"{prefix}{name}", value
        below = [(f"{prefix}{name}.", child) for name, child in _named(here, "_modules").items()]
        waiting += [each for each in reversed(below) if each[1] is not None]
    raise UserError(f"there are more than {MOST} modules, or they hold each other: refused")


def _named(module: Any, kind: str) -> dict[str, Any]:
    found = getattr(module, kind, None)
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise UserError(f"a module's {kind} are not named: refused")
    return dict(found)
