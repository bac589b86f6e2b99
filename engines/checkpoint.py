"""Published checkpoints: read as plain tensors, and loaded strictly."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from data.errors import UserError
from engines.memory import is_out_of_memory
from engines.weights_file import check_weights_file

if TYPE_CHECKING:
    from torch import Tensor, nn

WRAPPERS = ("state_dict", "model", "model_state_dict", "module")
PARALLEL = "module."  # the prefix that torch's DataParallel puts before every name
MAX_LISTED = 12  # differences that an error message lists

Net = TypeVar("Net", bound="nn.Module")


class WeightShapes(dict[str, tuple[int, ...]]):
    """Parameter shapes by name, from which a model's sizes are read.

    `label` names the model and its file, for the UserError that a missing name raises.
    """

    def __init__(self, weights: Mapping[str, "Tensor"], label: str) -> None:
        super().__init__({name: tuple(value.shape) for name, value in weights.items()})
        self.label = label

    def __missing__(self, name: str) -> tuple[int, ...]:
        raise UserError(f"not the weights of {self.label}: {name} is missing")


def read_weights(file: str) -> dict[str, "Tensor"]:
    """The tensors of a .safetensors, .pt or .pth file by name, on the CPU, without wrappers.

    Raises UserError if the file is truncated or contains anything but weights.
    """
    check_weights_file(file)
    content = _read_safetensors(file) if Path(file).suffix == ".safetensors" else _read_pickle(file)
    # Wrappers nest: a training checkpoint may be {"model": {"module.conv1.weight": …}}.
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    tensors = {name: value for name, value in content.items() if hasattr(value, "shape")}
    if not tensors:
        raise UserError(f"{file} has no named weights: pass a model's state dict")
    return {name.removeprefix(PARALLEL): value for name, value in tensors.items()}


def load_weights(
    model: Net, weights: Mapping[str, "Tensor"], label: str, listed: int = MAX_LISTED,
    names: Mapping[str, str] | None = None,
) -> Net:  # fmt: skip
    """Loads the weights into the model for inference and moves it to the device.

    `label` names the model and its file in the UserError, which lists the first `listed` parameters
    that are missing, unknown, or of another shape. `names` are those of the file, by the model's,
    where they differ.
    """
    from engines.device import pick_device

    names = names or {}
    expected = {names.get(name, name): value for name, value in model.state_dict().items()}
    if wrong := list(list_differences(expected, weights)):
        more = f", and {len(wrong) - listed} more" if len(wrong) > listed else ""
        raise UserError(f"not the weights of {label}: {', '.join(wrong[:listed])}{more}")
    model.load_state_dict({name: weights[names.get(name, name)] for name in model.state_dict()})
    return model.eval().requires_grad_(False).to(pick_device())


def _read_safetensors(file: str) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{file} is truncated or not a safetensors file ({error}): download it again"
        ) from error


def _read_pickle(file: str) -> Mapping[str, Any]:
    from pickle import UnpicklingError

    import torch

    try:
        # `weights_only`, as a pickle runs code: checkpoints come from the internet.
        content = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise UserError(
            f"{file} contains more than weights and is not loaded. Extract the weights without"
            f" running its code: `reelflow convert-checkpoint {file}"
            f" {Path(file).with_suffix('.safetensors')}`"
        ) from error
    except Exception as error:  # of zip, of pickle, of torch: a broken file fails in any way
        if is_out_of_memory(error):
            raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        if "TorchScript" in reason:
            raise UserError(
                f"{file} is an unknown TorchScript program and is not run: pass the state dict"
            ) from error
        raise UserError(
            f"{file} is truncated or not a checkpoint ({reason}): download it again"
        ) from error
    if not isinstance(content, Mapping):
        raise UserError(f"{file} contains a {type(content).__name__}: pass a model's state dict")
    return content


def list_differences(
    expected: Mapping[str, "Tensor"], weights: Mapping[str, "Tensor"]
) -> Iterator[str]:
    """Yields each weight that is missing, unknown, or of another shape, and how."""
    for name in sorted(expected.keys() | weights.keys()):
        if name not in weights:
            yield f"{name} is missing"
        elif name not in expected:
            yield f"{name} is unknown"
        elif weights[name].shape != expected[name].shape:
            yield f"{name} is {tuple(weights[name].shape)}, not {tuple(expected[name].shape)}"
