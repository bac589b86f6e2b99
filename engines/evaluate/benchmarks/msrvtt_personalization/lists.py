"""The lists of prompts and reference pictures that a generator is given, as published."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engines.evaluate.benchmarks.msrvtt_personalization import folder
from engines.video.frames import DecodeError

Mode = Literal["subject", "face"]
MODES: tuple[Mode, ...] = ("subject", "face")


@dataclass(frozen=True, slots=True)
class Lists:
    """Whole files by name, how many clips each mode has, and what was left out, and why."""

    files: dict[str, str] = field(default_factory=dict)
    clips: dict[Mode, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip that belongs to a mode: what its line in each file is made of."""

    clip: str
    prompt: str
    tag: str
    pictures: Sequence[str]
    background: tuple[str, str] | None  # its tag and its path; None where there is no picture


def lists(data: str, modes: Sequence[Mode]) -> Lists:
    """The lists of a data folder; paths in them begin with `data` as it is written.

    Line i of every file of a mode is of the same clip, and the last has no end of line. Where a
    clip has no background picture, the list that needs them all is left out.
    """
    made = Lists()
    for mode in modes:
        entries = []
        for clip in folder.clips(Path(data)):
            try:
                entries += _entry(data, clip, mode)
            except DecodeError as fault:
                made.left_out[clip] = str(fault)
        made.clips[mode] = len(entries)
        for name, line in FILES[mode].items():
            made.files[f"{mode}_mode_{name}.txt"] = "\n".join(line(entry) for entry in entries)
        if mode == "subject":
            _add_backgrounds(made, entries)
    return made


def _entry(data: str, clip: str, mode: Mode) -> list[Entry]:
    """The clip's entry, where it belongs to the mode."""
    at, face = Path(data) / clip, mode == "face"
    tags = folder.read_tags(at)
    chosen = tags["subject_with_face" if face else "subject"]
    if len(chosen) != 1:
        return []
    prompt, said = folder.caption(at), data.rstrip("/")
    if {"\n", "\r"} & set(prompt):
        raise DecodeError("rejected", "its caption is not one line")
    pictures = [f"{said}/{clip}/{file.name}" for file in folder.pictures(at, chosen[0], face)]
    if not pictures:
        raise DecodeError("rejected", f"no {'face crop' if face else 'cut-out'} of {chosen[0]!r}")
    there = tags["background"] and (at / folder.BACKGROUND).exists()
    path = f"{said}/{clip}/{folder.BACKGROUND}"
    background = (tags["background"][0], path) if there else None
    return [Entry(clip, prompt, chosen[0], pictures, background)]


def _one(entry: Entry) -> str:
    """The picture in the middle."""
    return repr({entry.tag: [entry.pictures[len(entry.pictures) // 2]]})


def _all(entry: Entry) -> str:
    return repr({entry.tag: list(entry.pictures)})


FILES: Mapping[Mode, Mapping[str, Callable[[Entry], str]]] = {
    "subject": {
        "videos": lambda entry: entry.clip,
        "prompts": lambda entry: entry.prompt,
        "word_tag_single_subject_image": _one,
        "word_tag_multi_subject_images": _all,
    },
    "face": {
        "videos": lambda entry: entry.clip,
        "prompts": lambda entry: entry.prompt,
        "word_tag_single_face_crop": _one,
        "word_tag_multi_face_crops": _all,
    },
}


def _add_backgrounds(made: Lists, entries: Sequence[Entry]) -> None:
    name = "subject_mode_word_tag_multi_subject_images_with_background.txt"
    lines = []
    for entry in entries:
        if entry.background is None:
            made.left_out[name] = f"{entry.clip} has no background picture: prepare with --inpaint"
            return
        tag, path = entry.background
        lines.append(repr({entry.tag: list(entry.pictures)} | {tag: [path]}))
    made.files[name] = "\n".join(lines)
