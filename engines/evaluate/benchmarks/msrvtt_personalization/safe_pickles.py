"""Pickles that others made, read without running anything: arrays and tensors, nothing else."""

import gzip
import importlib
import io
import math
import pickle
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 256 << 20  # bytes of one file, unpacked: a clip's masks are some hundred thousand


class Unsafe(Exception):
    """A file that is not what it should be; the text says why, for a person."""


def arrays(packed: bytes) -> Any:
    """What a gzip pickle of plain values and numpy arrays holds; `Unsafe` for any other."""
    return _loaded(packed, _array_parts())


def tensors(packed: bytes) -> Any:
    """What a gzip pickle of plain values, numpy arrays and torch tensors holds, on the CPU."""
    return _loaded(packed, _array_parts() | _tensor_parts())


def tensor(content: bytes) -> "Tensor":
    """The tensor of a `.pt` file, on the CPU; `Unsafe` for anything else."""
    import torch

    _check_archive(content)
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise Unsafe(f"not a tensor that can be read safely: {_short(error)}") from error
    if not isinstance(found, torch.Tensor):
        raise Unsafe(f"not a tensor but {type(found).__name__}")
    return found


class _Restricted(pickle.Unpickler):
    """Finds only what it was given; every other name is refused before anything is called."""

    def __init__(self, file: io.BytesIO, parts: dict[tuple[str, str], Any]) -> None:
        super().__init__(file)
        self._parts = parts

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._parts:
            raise Unsafe(f"it asks for {module}.{name}, which no such file needs: not read")
        return self._parts[module, name]


def _loaded(packed: bytes, parts: dict[tuple[str, str], Any]) -> Any:
    try:
        return _Restricted(io.BytesIO(_unpacked(packed)), parts).load()
    except Unsafe:
        raise
    except Exception as error:
        raise Unsafe(f"not a whole pickle: {_short(error)}") from error


def _unpacked(packed: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unsafe(f"not a whole gzip file: {_short(error)}") from error
    if len(content) > LARGEST:
        raise Unsafe(f"more than {LARGEST >> 20} MB unpacked")
    return content


def _check_archive(content: bytes) -> None:
    """Refuses a zip that grows beyond what a clip's vectors can take."""
    import zipfile

    if len(content) > LARGEST:
        raise Unsafe(f"more than {LARGEST >> 20} MB")
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(each.file_size for each in archive.infolist()) > LARGEST:
                raise Unsafe(f"more than {LARGEST >> 20} MB unpacked")


def _array_parts() -> dict[tuple[str, str], Any]:
    """What pickles of arrays name, in numpy 1 and 2."""
    found: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _encoded,
    }
    for name, module in (("_reconstruct", "multiarray"), ("_frombuffer", "numeric")):
        function = getattr(importlib.import_module(f"numpy._core.{module}"), name)
        found |= {(f"numpy.{core}.{module}", name): function for core in ("core", "_core")}
    return found | {(f"numpy.{c}.multiarray", "scalar"): _scalar for c in ("core", "_core")}


def _encoded(text: str, encoding: str) -> bytes:
    """Bytes, as protocol 2 writes them; other codecs compress, and could burst."""
    if encoding != "latin1":
        raise Unsafe(f"bytes in {encoding}")
    return text.encode("latin1")


def _scalar(kind: np.dtype, content: bytes) -> Any:
    if kind.hasobject or not isinstance(content, bytes):
        raise Unsafe("a number that is an object")
    return np.frombuffer(content, kind, 1)[0]


def _tensor_parts() -> dict[tuple[str, str], Callable[..., Any]]:
    return {
        ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
        ("torch.storage", "_load_from_bytes"): _storage,
        ("collections", "OrderedDict"): OrderedDict,
    }


def _storage(content: bytes) -> "Tensor":
    """The numbers of a storage, flat."""
    import torch

    held: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return torch.tensor([], dtype=held.dtype).set_(held._untyped_storage)


def _rebuilt(flat: "Tensor", offset: int, size: tuple, stride: tuple, *_: object) -> "Tensor":
    """The tensor, where it lies within its storage and shares no number with itself."""
    if math.prod(size) > flat.numel() or min((*size, *stride, offset)) < 0:
        raise Unsafe("a tensor larger than its numbers")
    return flat.as_strided(size, stride, offset).clone()


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
