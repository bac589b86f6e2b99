"""Reads clip-video-encode's `.npy`, `.json` and `.txt` files or tars (ragme.md, section 1.4)."""

import io
import math
import os
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.lib import format as npy

from data.errors import UserError
from data.outcome import Done, Failed, Outcome, Reason
from engines.files.access import STRICT, UrlPolicy
from engines.files.listing import (
    TAR_ENDINGS,
    FileSet,
    expand_braces,
    has_ending,
    is_single_file,
    locate_files,
)
from engines.files.media import open_media, stat_media
from engines.files.tars import read_entries
from engines.files.values import NotText, parse_object, to_captions, to_json_columns, to_text
from engines.files.walk import Folder

# Not recorded in any file; version 1.3.0 encoded frames with blue and red swapped.
ORIGIN = {"made_by": "clip-video-encode", "channel_order": "unknown", "resize": "unknown"}
_ENDINGS = (".json", ".npy", ".txt")
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_PRECISIONS = (np.dtype(np.float16), np.dtype(np.float32))
_MALFORMED = (ValueError, TypeError, SyntaxError, tokenize.TokenError, EOFError, OSError)
_NO_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class EncodedVideo:
    """A video's frame vectors (F, D), and its record: `txt`, `videoID`, `videoLoc` and the rest."""

    record: dict[str, object]
    frames: np.ndarray


class _Invalid(Exception):
    """The files of one video cannot be used, for this reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class _File:
    """One file: its folder or tar, its name there, its ending, and its bytes or its fault."""

    where: str
    stem: str
    ending: str
    content: bytes
    fault: str = ""

    @property
    def path(self) -> str:
        return f"{self.where}/{self.stem}{self.ending}"


def read_encoded(src: str, policy: UrlPolicy = STRICT) -> Iterator[Outcome[EncodedVideo]]:
    """One outcome per video of a folder, a glob or tars, in the order of their names.

    Vectors of a second width or precision raise a UserError.
    """
    key, first = None, None
    # A video's files come one after another: sorted in a folder, side by side in a tar.
    for key, group in groupby(_list_files(src, policy), key=lambda f: (f.where, f.stem)):
        files = {file.ending: file for file in group}
        outcome = _build_outcome(key[1], files)
        if isinstance(outcome, Done):
            first = _check_kind(first, outcome.value.frames, files[".npy"].path)
        yield outcome
    if key is None:
        raise UserError(f"{src} holds no .npy files and no tars of them: check the path")


def _check_kind(first: tuple[str, str] | None, frames: np.ndarray, path: str) -> tuple[str, str]:
    """The kind and path of the first file; an index over two kinds would be silently wrong."""
    kind = f"{frames.dtype} × {frames.shape[1]}"
    if first and first[0] != kind:
        kinds = f"{first[1]} is {first[0]}, {path} is {kind}"
        raise UserError(f"vectors of two kinds: {kinds}; import them as two corpora")
    return first or (kind, path)


def _build_outcome(stem: str, files: dict[str, _File]) -> Outcome[EncodedVideo]:
    id = stem
    try:
        for file in files.values():
            if file.fault:
                raise _Invalid("undecodable", file.fault)
        record = _build_record(stem, files)
        id = str(record["videoID"])  # from here on a failure goes by it, not by the file's name
        if ".npy" not in files:
            raise _Invalid("missing", f"no .npy beside {next(iter(files.values())).path}")
        return Done(id, EncodedVideo(record, _load_frames(files[".npy"])))
    except _Invalid as error:
        return Failed(id, error.reason, str(error))
    except NotText as error:
        return Failed(id, "rejected", f"{stem}.json has {error} where text belongs")


def _build_record(stem: str, files: dict[str, _File]) -> dict[str, object]:
    record: dict[str, object] = {}
    if ".json" in files:
        try:
            record = parse_object(files[".json"].content)
        except ValueError as error:
            raise _Invalid("rejected", f"{files['.json'].path}: {error}") from error
    text = files[".txt"].content.decode("utf-8-sig", "replace").strip() if ".txt" in files else None
    # RAGME's column first, then clip-video-encode's own, which it also writes as `.txt`.
    captions = map(to_captions, (record.get("txt"), record.get("caption"), text))
    return {
        **to_json_columns(record),
        "txt": next((several[0] for several in captions if several), None),
        "videoID": to_text(record.get("videoID")) or stem,
        "videoLoc": to_text(record.get("videoLoc")),
    }


def _load_frames(file: _File) -> np.ndarray:
    """The array, read only once its header agrees with the size of the file."""
    try:
        _check_header(file)
        frames = np.load(io.BytesIO(file.content), allow_pickle=False)
    except _MALFORMED as error:
        raise _Invalid("undecodable", f"{file.path}: {error}") from error
    return np.ascontiguousarray(frames, frames.dtype.newbyteorder("="))


def _check_header(file: _File) -> None:
    """Checks kind and size by the header: numpy would allocate whatever it promises."""
    stream = io.BytesIO(file.content)
    version = npy.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"unsupported version {version} of the .npy format")
    shape, _, dtype = _HEADERS[version](stream)
    size = len(file.content) - stream.tell()
    if len(shape) != 2 or dtype.newbyteorder("=") not in _PRECISIONS:
        raise _Invalid("rejected", f"{file.path} is {dtype} of shape {shape}, not float frames")
    if math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"shape {shape} does not fit {size} bytes")
    if not all(shape):
        raise _Invalid("empty", f"{file.path} has no frames")


def _list_files(src: str, policy: UrlPolicy) -> Iterator[_File]:
    try:
        for path in expand_braces(src):
            if is_single_file(path, TAR_ENDINGS, policy):
                if path == src:
                    stat_media(path, policy)  # a tar asked for by name must be there
                yield from _list_tar(path, policy)
                continue
            where = locate_files(path, policy)
            for folder in where.walk_folders():
                yield from _list_folder(folder, where)
    except OSError as error:
        raise UserError(f"cannot read {src}: {error.strerror or error}") from error


def _list_folder(folder: Folder, where: FileSet) -> Iterator[_File]:
    if folder.fault:
        raise UserError(folder.fault)
    for stem, ending in sorted(map(os.path.splitext, folder.files)):
        if ending in _ENDINGS and where.matches(f"{folder.below}{stem}.npy"):
            content = _read_bytes(f"{folder.path}/{stem}{ending}", where.policy)
            yield _File(where.root, folder.below + stem, ending, *content)
        elif has_ending(stem + ending, TAR_ENDINGS) and where.matches(folder.below + stem + ending):
            yield from _list_tar(f"{folder.path}/{stem}{ending}", where.policy)


def _read_bytes(path: str, policy: UrlPolicy) -> tuple[bytes, str]:
    try:
        with open_media(path, policy) as file:
            return file.read(), ""
    except OSError as error:
        return b"", f"{path}: {error.strerror or error}"  # that video's fault, not the run's


def _list_tar(tar: str, policy: UrlPolicy) -> Iterator[_File]:
    try:
        for entry in read_entries(tar, policy):
            stem, ending = os.path.splitext(entry.name)
            if ending in _ENDINGS:
                fault = "" if entry.regular else f"{tar}: {entry.name} is not a regular file"
                yield _File(tar, stem, ending, b"" if fault else entry.read(_NO_LIMIT), fault)
    except OSError as error:
        yield _File(tar, tar, "", b"", f"not read to its end: {error}")
