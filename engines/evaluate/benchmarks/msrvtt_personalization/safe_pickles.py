"""A safe unpickler for published files: reads arrays and tensors, and runs nothing."""

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

LARGEST = 256 << 20  # bytes of a file when unpacked; a clip's masks take some hundred thousand


class UnsafePickle(Exception):
    """A file that is rejected; the message says why, for a user."""


def load_arrays(packed: bytes) -> Any:
    """The content of a gzip pickle of plain values and numpy arrays; else raises `UnsafePickle`."""
    return _load_pickle(packed, _allow_arrays())


def load_tensors(packed: bytes) -> Any:
    """The content of a gzip pickle of plain values, numpy arrays and torch tensors, on the CPU."""
    return _load_pickle(packed, _allow_arrays() | _allow_tensors())


def load_tensor(content: bytes) -> "Tensor":
    """The tensor of a `.pt` file, on the CPU; raises `UnsafePickle` for anything else."""
    import torch

    _check_archive_size(content)
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise UnsafePickle(
            f"no tensor that can be loaded safely: {_shorten_error(error)}"
        ) from error
    if not isinstance(loaded, torch.Tensor):
        raise UnsafePickle(f"not a tensor but {type(loaded).__name__}")
    return loaded


class _SafeUnpickler(pickle.Unpickler):
    """A safe unpickler: resolves only the given names, and rejects others before any call."""

    def __init__(self, file: io.BytesIO, allowed: dict[tuple[str, str], Any]) -> None:
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise UnsafePickle(f"it refers to {module}.{name}, which is not allowed: not loaded")
        return self._allowed[module, name]


def _load_pickle(packed: bytes, allowed: dict[tuple[str, str], Any]) -> Any:
    try:
        return _SafeUnpickler(io.BytesIO(_decompress(packed)), allowed).load()
    except UnsafePickle:
        raise
    except Exception as error:
        raise UnsafePickle(f"broken pickle: {_shorten_error(error)}") from error


def _decompress(packed: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            # Never more than the limit: a small gzip file may unpack to gigabytes.
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnsafePickle(f"broken gzip file: {_shorten_error(error)}") from error
    if len(content) > LARGEST:
        raise UnsafePickle(f"more than {LARGEST >> 20} MB unpacked")
    return content


def _check_archive_size(content: bytes) -> None:
    """Raises `UnsafePickle` for a zip archive that would unpack to more than the limit."""
    import zipfile

    if len(content) > LARGEST:
        raise UnsafePickle(f"more than {LARGEST >> 20} MB")
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(each.file_size for each in archive.infolist()) > LARGEST:
                raise UnsafePickle(f"more than {LARGEST >> 20} MB unpacked")


def _allow_arrays() -> dict[tuple[str, str], Any]:
    """The names in pickles of arrays, of numpy 1 and 2."""
    allowed: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _encode_latin1,
    }
    for name, module in (("_reconstruct", "multiarray"), ("_frombuffer", "numeric")):
        function = getattr(importlib.import_module(f"numpy._core.{module}"), name)
        allowed |= {(f"numpy.{core}.{module}", name): function for core in ("core", "_core")}
    return allowed | {
        (f"numpy.{c}.multiarray", "scalar"): _rebuild_scalar for c in ("core", "_core")
    }


def _encode_latin1(text: str, encoding: str) -> bytes:
    """Bytes as pickle protocol 2 writes them."""
    # No other codec: some decompress, and could fill the memory.
    if encoding != "latin1":
        raise UnsafePickle(f"bytes encoded as {encoding}")
    return text.encode("latin1")


def _rebuild_scalar(kind: np.dtype, content: bytes) -> Any:
    if kind.hasobject or not isinstance(content, bytes):
        raise UnsafePickle("a scalar with an object dtype")
    return np.frombuffer(content, kind, 1)[0]


def _allow_tensors() -> dict[tuple[str, str], Callable[..., Any]]:
    return {
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch.storage", "_load_from_bytes"): _rebuild_storage,
        ("collections", "OrderedDict"): OrderedDict,
    }


def _rebuild_storage(content: bytes) -> "Tensor":
    """The numbers of a storage as a flat tensor."""
    import torch

    storage: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return torch.tensor([], dtype=storage.dtype).set_(storage._untyped_storage)


def _rebuild_tensor(
    flat: "Tensor", offset: int, size: tuple, stride: tuple, *_: object
) -> "Tensor":
    """A copy of a tensor that lies within its storage, else raises `UnsafePickle`."""
    if math.prod(size) > flat.numel() or min((*size, *stride, offset)) < 0:
        raise UnsafePickle("a tensor larger than its storage")
    return flat.as_strided(size, stride, offset).clone()


def _shorten_error(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
