"""Reader of the published annotation folder: each clip's video, texts and masks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from data.runs.benchmark import is_clip_name
from engines.evaluate.benchmarks.msrvtt_personalization.cutting import FRAMES
from engines.evaluate.benchmarks.msrvtt_personalization.folder import (
    Tags,
    format_cutout_name,
    parse_tags,
)
from engines.evaluate.benchmarks.msrvtt_personalization.safe_pickles import (
    LARGEST,
    UnsafePickle,
    load_arrays,
)
from engines.video.frames import DecodeError

INFO, MASKS = ".vid_info.json", ".word_tags_masks.pkl.gz"
LARGEST_SIDE = 8192


@dataclass(frozen=True, slots=True)
class Annotation:
    """One clip: the seconds `start` to `end` of a video, its size (width, height) and texts."""

    clip: str
    video: str
    size: tuple[int, int]
    start: float
    end: float
    caption: str
    tags: Tags


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """A tag's `box` (x0, y0, x1, y1) in a frame and its mask, (y1 - y0, x1 - x0) bool.

    `beyond` are the columns and rows by which the annotated box exceeds the frame.
    """

    tag: str
    frame: str
    face: bool
    box: tuple[int, int, int, int]
    mask: np.ndarray
    beyond: tuple[int, int] = (0, 0)

    @property
    def file(self) -> str:
        """The name of its file in the clip's folder."""
        return format_cutout_name(self.tag, FRAMES.index(self.frame) + 1, self.face)


def list_clips(folder: Path) -> list[str]:
    """The names of the annotated clips, sorted by file name."""
    # `._x` are the resource forks that macOS adds to an archive.
    files = sorted(file.name for file in folder.glob(f"*{INFO}") if not file.name.startswith("._"))
    return [file.removesuffix(INFO) for file in files]


def read_annotation(folder: Path, clip: str) -> Annotation:
    """Reads a clip's annotation; raises `DecodeError` if it is missing or invalid."""
    from pydantic import TypeAdapter, ValidationError

    if not is_clip_name(clip):
        raise DecodeError("rejected", f"invalid clip name {clip!r}")
    try:
        info = TypeAdapter(dict[str, Any]).validate_json((folder / f"{clip}{INFO}").read_bytes())
        wide, high = TypeAdapter(tuple[int, int]).validate_python(info["resolution"])
        begin, end = TypeAdapter(tuple[str, str]).validate_python(info["timestamp"])
        video, caption = (TypeAdapter(str).validate_python(info[k]) for k in ("video", "caption"))
        tags = parse_tags(info["word_tags"])
    except FileNotFoundError as error:
        raise DecodeError("missing", f"no {clip}{INFO}") from error
    except KeyError as error:
        raise DecodeError("rejected", f"{clip}{INFO} has no {error.args[0]!r}") from error
    except (ValidationError, OSError) as error:
        raise DecodeError("rejected", f"{clip}{INFO}: {_shorten_error(error)}") from error
    # The annotations come from the internet: a path must not lead out of the videos' folder.
    if Path(video).name != video or video in ("", "..") or "\0" in video:
        raise DecodeError("rejected", f"{video!r} is not a file name in the videos folder")
    if not (1 < wide <= LARGEST_SIDE and 1 < high <= LARGEST_SIDE):
        raise DecodeError("rejected", f"unsupported resolution {wide}x{high}")
    start, stop = _parse_seconds(begin), _parse_seconds(end)
    if start >= stop:
        raise DecodeError("rejected", f"empty time span from {begin} to {end}")
    return Annotation(clip, video, (wide, high), start, stop, caption, tags)


def read_cutouts(folder: Path, about: Annotation) -> list[CutOut]:
    """Reads a clip's cut-outs in file order; raises `DecodeError` if one is invalid.

    Masks are trimmed to the part of their box within the frame. Nothing in the file is run.
    """
    name = f"{about.clip}{MASKS}"
    try:
        with (folder / name).open("rb") as file:
            entries = load_arrays(file.read(LARGEST + 1))
        cutouts = list(_parse_cutouts(entries, about.size))
    except FileNotFoundError as error:
        raise DecodeError("missing", f"no {name}") from error
    except UnsafePickle as fault:
        raise DecodeError("rejected", f"{name}: {fault}") from fault
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError("rejected", f"{name}: {type(error).__name__}: {error}") from error
    _check_file_names(cutouts, about.tags)
    return cutouts


def _parse_cutouts(entries_by_tag: Any, size: tuple[int, int]) -> Iterator[CutOut]:
    # Anything may be in the pickle: the caller turns what attributes and items raise into a reason.
    for tag, entries in entries_by_tag.items():
        for entry in entries:
            box = tuple(int(side) for side in entry["box_xyxy"])
            mask = np.asarray(entry["mask"])
            if not isinstance(tag, str) or entry["filename"] not in FRAMES or mask.ndim != 2:
                raise ValueError(f"an entry of {tag!r} is not a cut-out of a frame")
            yield _trim_cutout(tag, entry["filename"], bool(entry["is_face_crop"]), box, mask, size)


def _trim_cutout(
    tag: str, frame: str, face: bool, box: tuple[int, ...], mask: np.ndarray, size: tuple[int, int]
) -> CutOut:
    """The cut-out with its box and mask trimmed at the frame's right and lower edge."""
    left, top, right, bottom = box
    beyond = max(0, right - size[0]), max(0, bottom - size[1])
    right, bottom = min(right, size[0]), min(bottom, size[1])
    high, wide = bottom - top, right - left
    if min(left, top) < 0 or min(high, wide) < 1:
        raise ValueError(f"the box {box} of {tag!r} starts outside {frame}")
    if mask.shape[0] < high or mask.shape[1] < wide:
        raise ValueError(f"the mask of {tag!r} in {frame} is smaller than its box {box}")
    trimmed = mask[:high, :wide] != 0
    return CutOut(tag, frame, face, (left, top, right, bottom), trimmed, beyond)


def _check_file_names(cutouts: list[CutOut], tags: Tags) -> None:
    """Raises `DecodeError` if cut-outs of two tags would get the same file name."""
    # The published script overwrites one with the other: spaces and slashes both become `_`.
    owners: dict[str, str] = {}
    for tag in [*tags["subject"], *tags["object"], *(each.tag for each in cutouts)]:
        for face in (False, True):
            name = format_cutout_name(tag, 1, face)
            if owners.setdefault(name, tag) != tag:
                detail = f"{owners[name]!r} and {tag!r} have the same file name {name}"
                raise DecodeError("rejected", detail)


def _parse_seconds(text: str) -> float:
    """The seconds of a time as `HH:MM:SS.ffffff`."""
    try:
        time = datetime.strptime(text, "%H:%M:%S.%f")
    except ValueError as error:
        raise DecodeError("rejected", f"{text!r} is not HH:MM:SS.ffffff") from error
    return time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6


def _shorten_error(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error))[:200]
