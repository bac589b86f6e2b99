"""What clip-video-encode left: a folder of `.npy` with `.json` and `.txt`, or tars of them."""

import io
import json
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
from engines.files.listing import TARS, Place, ends, expand, outright, place
from engines.files.media import open_media, stat_media
from engines.files.rows import as_json, caption_of, text_of
from engines.files.tars import entries
from engines.files.walk import Folder

# What the frames were is not written anywhere; version 1.3.0 encoded blue and red swapped.
ORIGIN = {"made_by": "clip-video-encode", "channel_order": "unknown", "resize": "unknown"}
_ENDINGS = (".json", ".npy", ".txt")
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_PRECISIONS = (np.dtype(np.float16), np.dtype(np.float32))
_MALFORMED = (ValueError, TypeError, SyntaxError, tokenize.TokenError, EOFError, OSError)
_WHOLE = 1 << 62


@dataclass(frozen=True, slots=True)
class Encoded:
    """A video's frame vectors (F, D), and its record: `txt`, `videoID`, `videoLoc` and the rest."""

    record: dict[str, object]
    frames: np.ndarray


class _Unfit(Exception):
    """The files of one video are at fault."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class _Part:
    """One file: the folder or tar, its name there, its ending, and its bytes or what is wrong."""

    where: str
    stem: str
    ending: str
    content: bytes
    fault: str = ""

    @property
    def path(self) -> str:
        """Where it lies, for people to read."""
        return f"{self.where}/{self.stem}{self.ending}"


def read_encoded(src: str) -> Iterator[Outcome[Encoded]]:
    """One outcome per video of a folder, a glob or tars, in the order of their names.

    Vectors of two widths or precisions raise a UserError as soon as the second is met.
    """
    first: tuple[str, str] | None = None
    key = None
    for key, group in groupby(_parts(src), key=lambda part: (part.where, part.stem)):
        parts = {part.ending: part for part in group}
        outcome = _outcome(key[1], parts)
        if isinstance(outcome, Done):
            first = _same(first, outcome.value.frames, parts[".npy"].path)
        yield outcome
    if key is None:
        raise UserError(f"{src} holds no .npy files and no tars of them: is the name right?")


def _same(first: tuple[str, str] | None, frames: np.ndarray, path: str) -> tuple[str, str]:
    """The first file and its kind; an index over vectors of two kinds would be silently wrong."""
    kind = f"{frames.dtype} × {frames.shape[1]}"
    if first and first[0] != kind:
        raise UserError(
            f"vectors of two kinds: {first[1]} is {first[0]}, {path} is {kind};"
            " import them as two corpora"
        )
    return first or (kind, path)


def _outcome(stem: str, parts: dict[str, _Part]) -> Outcome[Encoded]:
    id = stem
    try:
        for part in parts.values():
            if part.fault:
                raise _Unfit("undecodable", part.fault)
        record = _record(stem, parts)
        id = str(record["videoID"])
        if ".npy" not in parts:
            raise _Unfit("missing", f"no .npy beside {next(iter(parts.values())).path}")
        return Done(id, Encoded(record, _frames(parts[".npy"])))
    except _Unfit as unfit:
        return Failed(id, unfit.reason, str(unfit))


def _record(stem: str, parts: dict[str, _Part]) -> dict[str, object]:
    found: object = {}
    if ".json" in parts:
        try:
            found = json.loads(parts[".json"].content)
        except (ValueError, RecursionError) as error:
            raise _Unfit("rejected", f"{parts['.json'].path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise _Unfit("rejected", f"{parts['.json'].path} does not hold an object")
    text = parts[".txt"].content.decode("utf-8-sig", "replace").strip() if ".txt" in parts else None
    captions = map(caption_of, (found.get("txt"), found.get("caption"), text))
    return {
        **as_json(found),
        "txt": next((caption for caption in captions if caption), None),
        "videoID": text_of(found.get("videoID")) or stem,
        "videoLoc": text_of(found.get("videoLoc")),
    }


def _frames(part: _Part) -> np.ndarray:
    """The array, once its header is known to promise no more than there is."""
    try:
        _check_header(part)
        frames = np.load(io.BytesIO(part.content), allow_pickle=False)
    except _MALFORMED as error:
        raise _Unfit("undecodable", f"{part.path}: {error}") from error
    return np.ascontiguousarray(frames, frames.dtype.newbyteorder("="))


def _check_header(part: _Part) -> None:
    file = io.BytesIO(part.content)
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the .npy format")
    shape, _, dtype = _HEADERS[version](file)
    if len(shape) != 2 or dtype.newbyteorder("=") not in _PRECISIONS:
        raise _Unfit("rejected", f"{part.path} is {dtype} of shape {shape}, not frames of floats")
    if math.prod(shape) * dtype.itemsize != len(part.content) - file.tell():
        raise ValueError(f"shape {shape} and {len(part.content) - file.tell()} bytes do not agree")
    if not all(shape):
        raise _Unfit("empty", f"{part.path} has no frames")


def _parts(src: str) -> Iterator[_Part]:
    try:
        for one in expand(src):
            if outright(one, TARS):
                if one == src:
                    stat_media(one)
                yield from _of_tar(one)
                continue
            where = place(one)
            for folder in where.folders():
                yield from _of_folder(folder, where)
    except OSError as error:
        raise UserError(f"cannot read {src}: {error.strerror or error}") from error


def _of_folder(folder: Folder, where: Place) -> Iterator[_Part]:
    if folder.fault:
        raise UserError(folder.fault)
    for stem, ending in sorted(map(os.path.splitext, folder.files)):
        if ending in _ENDINGS and where.matches(f"{folder.below}{stem}.npy"):
            content, fault = _read(f"{folder.path}/{stem}{ending}")
            yield _Part(where.root, folder.below + stem, ending, content, fault)
        elif ends(stem + ending, TARS) and where.matches(folder.below + stem + ending):
            yield from _of_tar(f"{folder.path}/{stem}{ending}")


def _read(path: str) -> tuple[bytes, str]:
    try:
        with open_media(path) as file:
            return file.read(), ""
    except OSError as error:
        return b"", f"{path}: {error.strerror or error}"


def _of_tar(tar: str) -> Iterator[_Part]:
    try:
        for entry in entries(tar):
            stem, ending = os.path.splitext(entry.name)
            if ending in _ENDINGS:
                fault = "" if entry.regular else f"{tar}: {entry.name} is not a regular file"
                yield _Part(tar, stem, ending, b"" if fault else entry.read(_WHOLE), fault)
    except OSError as error:
        yield _Part(tar, tar, "", b"", f"not read to its end: {error}")
