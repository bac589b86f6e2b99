"""The annotation folder as it was published: what each clip is, and the masks of its tags."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from data.runs.benchmark import is_name
from engines.evaluate.benchmarks.msrvtt_personalization.cutting import FRAMES
from engines.evaluate.benchmarks.msrvtt_personalization.folder import Tags, cutout, tags_of
from engines.evaluate.benchmarks.msrvtt_personalization.safe_pickles import LARGEST, Unsafe, arrays
from engines.video.frames import DecodeError

INFO, MASKS = ".vid_info.json", ".word_tags_masks.pkl.gz"
LARGEST_SIDE = 8192


@dataclass(frozen=True, slots=True)
class Annotation:
    """One clip: which seconds of which video, at which size (width, height), and its texts."""

    clip: str
    video: str
    size: tuple[int, int]
    start: float
    end: float
    caption: str
    tags: Tags


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """A tag's `box` (x0, y0, x1, y1) in a frame, and the (y1 - y0, x1 - x0) bool mask in it."""

    tag: str
    frame: str
    face: bool
    box: tuple[int, int, int, int]
    mask: np.ndarray

    @property
    def file(self) -> str:
        """Its file in the clip's folder."""
        return cutout(self.tag, FRAMES.index(self.frame) + 1, self.face)


def clips(folder: Path) -> list[str]:
    """The names of the clips, in the order of their files."""
    files = sorted(file.name for file in folder.glob(f"*{INFO}") if not file.name.startswith("._"))
    return [file.removesuffix(INFO) for file in files]


def annotation(folder: Path, clip: str) -> Annotation:
    """What is said of a clip; `DecodeError` where it cannot be followed."""
    from pydantic import TypeAdapter, ValidationError

    if not is_name(clip):
        raise DecodeError("rejected", f"{clip!r} is no name of a clip")
    try:
        said = TypeAdapter(dict[str, Any]).validate_json((folder / f"{clip}{INFO}").read_bytes())
        wide, high = TypeAdapter(tuple[int, int]).validate_python(said["resolution"])
        begin, end = TypeAdapter(tuple[str, str]).validate_python(said["timestamp"])
        video, caption = (TypeAdapter(str).validate_python(said[k]) for k in ("video", "caption"))
        tags = tags_of(said["word_tags"])
    except FileNotFoundError as error:
        raise DecodeError("missing", f"no {clip}{INFO}") from error
    except KeyError as error:
        raise DecodeError("rejected", f"{clip}{INFO} has no {error.args[0]!r}") from error
    except (ValidationError, OSError) as error:
        raise DecodeError("rejected", f"{clip}{INFO}: {_first_line(error)}") from error
    if Path(video).name != video or video in ("", "..") or "\0" in video:
        raise DecodeError("rejected", f"{video!r} is no file of the folder of videos")
    if not (1 < wide <= LARGEST_SIDE and 1 < high <= LARGEST_SIDE):
        raise DecodeError("rejected", f"a clip of {wide}x{high}")
    start, stop = _seconds(begin), _seconds(end)
    if start >= stop:
        raise DecodeError("rejected", f"from {begin} to {end} is no time")
    return Annotation(clip, video, (wide, high), start, stop, caption, tags)


def cutouts(folder: Path, about: Annotation) -> list[CutOut]:
    """The cut-outs of a clip in the order of their file; `DecodeError` where one cannot be made.

    Masks are cut to what of their box lies in the frame, and nothing in the file runs.
    """
    name = f"{about.clip}{MASKS}"
    try:
        with (folder / name).open("rb") as file:
            said = arrays(file.read(LARGEST + 1))
        found = list(_entries(said, about.size))
    except FileNotFoundError as error:
        raise DecodeError("missing", f"no {name}") from error
    except Unsafe as fault:
        raise DecodeError("rejected", f"{name}: {fault}") from fault
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError("rejected", f"{name}: {type(error).__name__}: {error}") from error
    _check_files(found, about.tags)
    return found


def _entries(said: Any, size: tuple[int, int]) -> Iterator[CutOut]:
    for tag, entries in said.items():
        for entry in entries:
            box = tuple(int(side) for side in entry["box_xyxy"])
            mask = np.asarray(entry["mask"])
            if not isinstance(tag, str) or entry["filename"] not in FRAMES or mask.ndim != 2:
                raise ValueError(f"an entry of {tag!r} is no cut-out of a frame")
            yield _fitted(tag, entry["filename"], bool(entry["is_face_crop"]), box, mask, size)


def _fitted(
    tag: str, frame: str, face: bool, box: tuple[int, ...], mask: np.ndarray, size: tuple[int, int]
) -> CutOut:
    """The cut-out, its box and mask ending where the frame does."""
    left, top, right, bottom = box
    right, bottom = min(right, size[0]), min(bottom, size[1])
    high, wide = bottom - top, right - left
    if min(left, top) < 0 or min(high, wide) < 1:
        raise ValueError(f"the box {box} of {tag!r} does not begin within {frame}")
    if mask.shape[0] < high or mask.shape[1] < wide:
        raise ValueError(f"the mask of {tag!r} in {frame} is smaller than its box {box}")
    return CutOut(tag, frame, face, (left, top, right, bottom), mask[:high, :wide] != 0)


def _check_files(found: list[CutOut], tags: Tags) -> None:
    """Refuses tags whose cut-outs would have the same file."""
    owners: dict[str, str] = {}
    for tag in [*tags["subject"], *tags["object"], *(each.tag for each in found)]:
        for face in (False, True):
            name = cutout(tag, 1, face)
            if owners.setdefault(name, tag) != tag:
                raise DecodeError("rejected", f"{owners[name]!r} and {tag!r} would both be {name}")


def _seconds(text: str) -> float:
    """Seconds of `HH:MM:SS.ffffff`."""
    try:
        time = datetime.strptime(text, "%H:%M:%S.%f")
    except ValueError as error:
        raise DecodeError("rejected", f"{text!r} is no HH:MM:SS.ffffff") from error
    return time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error))[:200]
