"""A checkpoint's pickle read without running anything that it names."""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from data.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
}  # fmt: skip


class StandIn:
    """What takes the place of anything unknown: it keeps what it is given, and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> "StandIn":
        """For what is a function of another module's."""
        return self

    def append(self, _: Any) -> None:
        """For what is a list in the pickle."""

    def extend(self, _: Any) -> None:
        """For what is a list in the pickle."""

    def __setitem__(self, _: Any, __: Any) -> None:
        """For what is a dict in the pickle."""


class Reader(pickle.Unpickler):
    """Containers and tensors as they are; whatever else a pickle names is a `StandIn`.

    Nothing is imported: names are looked up in a list, and what is not in it stays a name.
    """

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(archive.open(f"{folder}data.pkl"))
        self._archive, self._folder = archive, folder
        self._read: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What a name stands for here."""
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        return ADMITTED.get((module, name)) or type("StandIn", (StandIn,), {})

    def persistent_load(self, said: Any) -> "Tensor":
        """The numbers (n,) of a storage, which lie in the archive by their key."""
        import torch

        kind, dtype, key = said[:3]
        if kind != "storage" or not isinstance(dtype, str) or not str(key).isdecimal():
            raise pickle.UnpicklingError(f"a storage of {kind!r}")
        if key not in self._read:
            held = bytearray(self._archive.read(f"{self._folder}data/{key}"))
            kept = getattr(torch, dtype)
            empty = torch.empty(0, dtype=kept)
            self._read[key] = torch.frombuffer(held, dtype=kept) if held else empty
        return self._read[key]


def _tensor(numbers: "Tensor", start: int, size: Any, stride: Any, *_: Any) -> "Tensor":
    if prod(size) > len(numbers):
        raise pickle.UnpicklingError("a tensor is larger than its storage")
    return numbers.as_strided(tuple(size), tuple(stride), start).clone()


def _parameter(held: "Tensor", *_: Any) -> "Tensor":
    return held


ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
}


def read(file: str) -> Any:
    """What `torch.save` wrote, tensors on the CPU, all other objects as bags of attributes.

    A UserError where the file is no such archive, or its pickle asks for what is not there.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            named = [name for name in archive.namelist() if name.endswith("data.pkl")]
            folder = named[0].removesuffix("data.pkl")
            if f"{folder}byteorder" in archive.namelist():
                assert archive.read(f"{folder}byteorder") == b"little", "of another byte order"
            return Reader(archive, folder).load()
    except Exception as error:  # a hostile pickle may fail in any way
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(f"{file} is no checkpoint that can be converted ({said})") from error
