"""Conversion of pickled checkpoints, of weights or of a whole module, running no code."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from engines.checkpoint import WRAPPERS
from engines.evaluate.vision import safe_unpickle

if TYPE_CHECKING:
    from torch import Tensor

KEYS = ("ema", "model")  # where a checkpoint keeps its module; the averaged weights first
MAX_MODULES = 20_000


def extract_weights(file: str, out: str) -> int:
    """Writes a checkpoint's weights as .safetensors; returns their number.

    Of a state dict, also one within a checkpoint, or of a pickled module's parameters and buffers.
    Names and precision are kept. Raises UserError if the file has neither, or anything but tensors
    in place of weights.
    """
    from safetensors.torch import save_file

    if not Path(file).is_file():
        raise UserError(f"no such file {file}: pass the path of a checkpoint")
    if Path(out).suffix != ".safetensors":
        raise UserError(f"{out} must end in .safetensors")
    # Cloned, as safetensors refuses weights that share memory.
    weights = {name: value.contiguous().clone() for name, value in _iterate_file(file)}
    if not weights:
        raise UserError(f"the module in {file} has no weights")
    draft = Path(out).with_name(f".{Path(out).name}.part")
    draft.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, draft)
    # Renamed when whole: a conversion that is interrupted leaves no half checkpoint.
    os.replace(draft, out)
    return len(weights)


def _iterate_file(file: str) -> "Iterator[tuple[str, Tensor]]":
    content = safe_unpickle.read_checkpoint(file)
    candidates = [content.get(key) for key in KEYS] if isinstance(content, Mapping) else [content]
    for module in candidates:
        if isinstance(getattr(module, "_modules", None), Mapping):
            return _iterate_module(module)
    return _iterate_state(file, content)


def _iterate_state(file: str, content: Any) -> "Iterator[tuple[str, Tensor]]":
    """Yields a state dict, of the averaged weights first, whatever else the checkpoint holds."""
    import torch

    for wrapper in (*KEYS, *WRAPPERS):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not any(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise UserError(f"{file} contains neither a pickled module nor a state dict")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise UserError(f"{name} in {file} is not a tensor: not converted")
        yield name, value


def _iterate_module(module: Any) -> "Iterator[tuple[str, Tensor]]":
    """Yields names and tensors in the order and with the names of torch's `state_dict`."""
    import torch

    stack = [("", module)]
    # Bounded: in a hostile pickle modules may contain each other.
    for _ in range(MAX_MODULES):
        if not stack:
            return
        prefix, module = stack.pop()
        temporary = getattr(module, "_non_persistent_buffers_set", ())
        tensors = _read_named(module, "_parameters") | _read_named(module, "_buffers")
        for name, value in tensors.items():
            if value is None or name in temporary:
                continue
            if not isinstance(value, torch.Tensor):
                raise UserError(f"{prefix}{name} is not a tensor: not converted")
            yield f"{prefix}{name}", value
        modules = _read_named(module, "_modules").items()
        children = [(f"{prefix}{name}.", child) for name, child in modules]
        # Reversed, as the stack is read from its end.
        stack += [each for each in reversed(children) if each[1] is not None]
    raise UserError(f"more than {MAX_MODULES} modules, or modules in a cycle: not converted")


def _read_named(module: Any, kind: str) -> dict[str, Any]:
    entries = getattr(module, kind, None)
    if not isinstance(entries, Mapping) or not all(isinstance(name, str) for name in entries):
        raise UserError(f"a module's {kind} have no names: not converted")
    return dict(entries)
