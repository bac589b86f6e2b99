"""A safe unpickler for checkpoints: runs and imports nothing that the pickle names."""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from engines.weights_file import check_weights_file

if TYPE_CHECKING:
    from torch import Tensor

STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
}  # fmt: skip


class Stub:
    """Stands in for any unknown class or function: keeps attributes and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> "Stub":
        """Called when the pickle names a function."""
        return self

    def append(self, _: Any) -> None:
        """Called for a subclass of list in the pickle."""

    def extend(self, _: Any) -> None:
        """Called for a subclass of list in the pickle."""

    def __setitem__(self, _: Any, __: Any) -> None:
        """Called for a subclass of dict in the pickle."""


class SafeUnpickler(pickle.Unpickler):
    """Reads containers and tensors; anything else that the pickle names becomes a `Stub`.

    Nothing is imported: names are looked up in `ALLOWED_GLOBALS`.
    """

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(archive.open(f"{folder}data.pkl"))
        self._archive, self._folder = archive, folder
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The allowed object of that name, else a new subclass of `Stub`."""
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        return ALLOWED_GLOBALS.get((module, name)) or type("Stub", (Stub,), {})

    def persistent_load(self, reference: Any) -> "Tensor":
        """The numbers (n,) of a storage, read from the archive by its key."""
        import torch

        kind, dtype, key = reference[:3]
        # The key becomes a path in the archive: only digits, so that it cannot name another file.
        if kind != "storage" or not isinstance(dtype, str) or not str(key).isdecimal():
            raise pickle.UnpicklingError(f"unexpected storage of kind {kind!r}")
        if key not in self._storages:
            content = bytearray(self._archive.read(f"{self._folder}data/{key}"))
            number = getattr(torch, dtype)
            empty = torch.empty(0, dtype=number)  # `frombuffer` rejects an empty buffer
            numbers = torch.frombuffer(content, dtype=number) if content else empty
            self._storages[key] = numbers
        return self._storages[key]


def _rebuild_tensor(numbers: "Tensor", start: int, size: Any, stride: Any, *_: Any) -> "Tensor":
    if prod(size) > len(numbers):
        raise pickle.UnpicklingError("a tensor is larger than its storage")
    # Cloned, as safetensors refuses tensors that share memory.
    return numbers.as_strided(tuple(size), tuple(stride), start).clone()


def _rebuild_parameter(tensor: "Tensor", *_: Any) -> "Tensor":
    return tensor


ALLOWED_GLOBALS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
}


def read_checkpoint(file: str) -> Any:
    """The content of a `torch.save` file: tensors on the CPU, other objects as stubs.

    Raises UserError if the file is not such an archive, or its pickle is broken or hostile.
    """
    check_weights_file(file)
    try:
        with zipfile.ZipFile(file) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
            folder = pickles[0].removesuffix("data.pkl")
            if f"{folder}byteorder" in archive.namelist():
                assert archive.read(f"{folder}byteorder") == b"little", "not little-endian"
            return SafeUnpickler(archive, folder).load()
    except Exception as error:  # a hostile pickle may fail in any way
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(f"{file} is not a convertible checkpoint ({reason})") from error
