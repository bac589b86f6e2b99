"""Checkpoints as they are published: read as plain tensors, and loaded strictly."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from data.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

WRAPPERS = ("state_dict", "model", "model_state_dict", "module")
PARALLEL = "module."  # what torch's DataParallel puts before every name
NAMED = 12  # differences that a message lists

Net = TypeVar("Net", bound="nn.Module")


class Shapes(dict[str, tuple[int, ...]]):
    """The shapes of parameters by name, to read a model's sizes off: a UserError for one not there.

    `of` names the model and its file.
    """

    def __init__(self, weights: Mapping[str, "Tensor"], of: str) -> None:
        super().__init__({name: tuple(value.shape) for name, value in weights.items()})
        self.of = of

    def __missing__(self, name: str) -> tuple[int, ...]:
        raise UserError(f"these are no weights of {self.of}: {name} is missing")


def read(file: str) -> dict[str, "Tensor"]:
    """The tensors of a .safetensors, .pt or .pth by name, on the CPU, out of their wrappings.

    A UserError where the file is cut short, or holds anything but weights.
    """
    held = _safe(file) if Path(file).suffix == ".safetensors" else _pickled(file)
    for wrapper in WRAPPERS:
        if isinstance(held.get(wrapper), Mapping):
            held = held[wrapper]
    tensors = {name: value for name, value in held.items() if hasattr(value, "shape")}
    if not tensors:
        raise UserError(f"{file} holds no weights by name: give the state dict of a model")
    return {name.removeprefix(PARALLEL): value for name, value in tensors.items()}


def load(model: Net, weights: Mapping[str, "Tensor"], of: str) -> Net:
    """The model with these weights, to be asked and not trained, on the device that works.

    `of` names the model and its file in the UserError, which lists the parameters that are
    missing, are not known, or have another shape.
    """
    from engines.evaluate.vision.device import device

    wanted = model.state_dict()
    if wrong := list(_differences(wanted, weights)):
        more = f", and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise UserError(f"these are no weights of {of}: {', '.join(wrong[:NAMED])}{more}")
    model.load_state_dict({name: weights[name] for name in wanted})
    return model.eval().requires_grad_(False).to(device())


def _safe(file: str) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is cut short, or no safetensors ({error}): get it anew") from error


def _pickled(file: str) -> Mapping[str, Any]:
    from pickle import UnpicklingError

    import torch

    try:
        held = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise UserError(
            f"{file} holds more than weights: refused. `reelflow convert-checkpoint {file}"
            f" {Path(file).with_suffix('.safetensors')}` takes its weights out, running nothing"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        if "TorchScript" in said:
            raise UserError(
                f"{file} is TorchScript, a program, and not one that is known: give the state dict"
            ) from error
        raise UserError(f"{file} is cut short, or no checkpoint ({said}): get it anew") from error
    if not isinstance(held, Mapping):
        raise UserError(f"{file} holds a {type(held).__name__}: give the state dict of a model")
    return held


def _differences(wanted: Mapping[str, "Tensor"], held: Mapping[str, "Tensor"]) -> Iterator[str]:
    for name in sorted(wanted.keys() | held.keys()):
        if name not in held:
            yield f"{name} is missing"
        elif name not in wanted:
            yield f"{name} is not known"
        elif held[name].shape != wanted[name].shape:
            yield f"{name} is {tuple(held[name].shape)}, not {tuple(wanted[name].shape)}"
