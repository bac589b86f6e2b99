"""A benchmark's data folder: one folder a clip, with its texts, frames and cut-outs."""

import json
import re
from pathlib import Path
from typing import Any

from data.errors import UserError
from engines.video.frames import DecodeError

CAPTION, TAGS, BACKGROUND = "summary_text.txt", "word_tags.json", "background.jpg"
GROUPS = ("subject", "object", "background", "subject_with_face")
LONGEST = 200  # bytes of a file's name: file systems end at 255

Tags = dict[str, list[str]]


def clips(folder: Path) -> list[str]:
    """The clips of a data folder, in the order of their paths."""
    if not folder.is_dir():
        raise UserError(f"no folder {folder}: make it with `reelflow benchmark prepare`")
    folders = (each for each in folder.iterdir() if each.is_dir())
    return sorted(each.name for each in folders if not each.name.startswith("."))


def caption(clip: Path) -> str:
    """What the clip shows; `DecodeError` where its folder does not say it."""
    try:
        return (clip / CAPTION).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DecodeError("rejected", f"{clip.name}/{CAPTION}: {error}") from error


def read_tags(clip: Path) -> Tags:
    """The word tags of a clip's folder, by group; `DecodeError` where they cannot be read."""
    try:
        return tags_of(json.loads((clip / TAGS).read_bytes()))
    except (OSError, ValueError, KeyError) as error:
        raise DecodeError("rejected", f"{clip.name}/{TAGS}: {error}") from error


def tags_of(said: Any) -> Tags:
    """Lists of texts by group, all four there; `DecodeError` for anything else."""
    whole = isinstance(said, dict) and all(
        isinstance(said.get(group), list) and all(isinstance(tag, str) for tag in said[group])
        for group in GROUPS
    )
    if not whole:
        raise DecodeError("rejected", f"word tags are lists of texts for {', '.join(GROUPS)}")
    return {group: list(said[group]) for group in said if group in GROUPS}


def write_texts(clip: Path, text: str, tags: Tags) -> None:
    """Writes the caption, without an end of line, and the tags, a group a line."""
    (clip / CAPTION).write_bytes(text.encode())
    lines = (f"    {json.dumps(group)}: {json.dumps(tags[group])}" for group in tags)
    (clip / TAGS).write_text("{\n" + ",\n".join(lines) + "\n}")


def cutout(tag: str, frame: int, face: bool = False) -> str:
    """The file name of a tag's cut-out of a frame (1 to 3); `DecodeError` where there is none."""
    name = f"{_stem(tag)}{'.face' if face else ''}.frame{frame}.png"
    if len(name.encode()) > LONGEST or "\0" in name:
        raise DecodeError("rejected", f"{tag!r} cannot name a file")
    return name


def pictures(clip: Path, tag: str, face: bool = False) -> list[Path]:
    """The cut-outs that a tag has, in the order of their names."""
    stem = re.escape(_stem(tag) + (".face" if face else ""))
    wanted = re.compile(stem + r"\.frame\d+\.png")
    return sorted(file for file in clip.iterdir() if wanted.fullmatch(file.name))


def _stem(tag: str) -> str:
    """The tag as the published files spell it."""
    return tag.replace(" ", "_").replace("/", "_")
