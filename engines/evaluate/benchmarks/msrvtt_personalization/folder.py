"""A benchmark's data folder: one folder per clip, with its texts, frames and cut-outs."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import UserError
from engines.video.frames import DecodeError

CAPTION, TAGS, BACKGROUND = "summary_text.txt", "word_tags.json", "background.jpg"
BEYOND = "beyond"  # text in a PNG: columns and rows by which its box exceeds the frame
GROUPS = ("subject", "object", "background", "subject_with_face")
LONGEST = 200  # bytes of a file name; file systems allow 255

Tags = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class BenchmarkClip:
    """A clip to be prepared or embedded, by name."""

    id: str


def list_clips(folder: Path) -> list[str]:
    """The names of the clips in a data folder, sorted."""
    if not folder.is_dir():
        raise UserError(f"no folder {folder}: create it with `reelflow benchmark prepare`")
    folders = (each for each in folder.iterdir() if each.is_dir())
    return sorted(each.name for each in folders if not each.name.startswith("."))


def read_caption(clip: Path) -> str:
    """Reads a clip's caption; raises `DecodeError` if it is missing or not UTF-8."""
    try:
        return (clip / CAPTION).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DecodeError("rejected", f"{clip.name}/{CAPTION}: {error}") from error


def read_tags(clip: Path) -> Tags:
    """Reads a clip's word tags by group; raises `DecodeError` if they are missing or invalid."""
    try:
        return parse_tags(json.loads((clip / TAGS).read_bytes()))
    except (OSError, ValueError, KeyError) as error:
        raise DecodeError("rejected", f"{clip.name}/{TAGS}: {error}") from error


def parse_tags(data: Any) -> Tags:
    """Lists of tags by group, for all four groups; raises `DecodeError` for anything else."""
    valid = isinstance(data, dict) and all(
        isinstance(data.get(group), list) and all(isinstance(tag, str) for tag in data[group])
        for group in GROUPS
    )
    if not valid:
        raise DecodeError("rejected", f"word tags must be lists of texts for {', '.join(GROUPS)}")
    # In the file's order, which is the order of tags in the detector's caption.
    return {group: list(data[group]) for group in data if group in GROUPS}


def write_texts(clip: Path, text: str, tags: Tags) -> None:
    """Writes the caption, without a final newline, and the tags, one group per line."""
    (clip / CAPTION).write_bytes(text.encode())
    lines = (f"    {json.dumps(group)}: {json.dumps(tags[group])}" for group in tags)
    (clip / TAGS).write_text("{\n" + ",\n".join(lines) + "\n}")


def format_cutout_name(tag: str, frame: int, face: bool = False) -> str:
    """The file name of a tag's cut-out of frame 1 to 3; raises `DecodeError` if it is invalid."""
    name = f"{_format_stem(tag)}{'.face' if face else ''}.frame{frame}.png"
    if len(name.encode()) > LONGEST or "\0" in name:
        raise DecodeError("rejected", f"{tag!r} cannot be a file name")
    return name


def list_cutouts(clip: Path, tag: str, face: bool = False) -> list[Path]:
    """The files of a tag's cut-outs, sorted by name."""
    # Matched literally, not by a glob: tags may contain `[`, `*` and `?`.
    stem = re.escape(_format_stem(tag) + (".face" if face else ""))
    wanted = re.compile(stem + r"\.frame\d+\.png")
    return sorted(file for file in clip.iterdir() if wanted.fullmatch(file.name))


def _format_stem(tag: str) -> str:
    """The tag as it is spelled in published file names."""
    return tag.replace(" ", "_").replace("/", "_")
