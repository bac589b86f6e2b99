"""The published list files: prompts and reference pictures for a generator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engines.evaluate.benchmarks.msrvtt_personalization import folder
from engines.video.frames import DecodeError

Mode = Literal["subject", "face"]
MODES: tuple[Mode, ...] = ("subject", "face")


@dataclass(frozen=True, slots=True)
class PromptLists:
    """File contents by name, the number of clips per mode, and what was left out and why."""

    files: dict[str, str] = field(default_factory=dict)
    clips: dict[Mode, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A clip of a mode: the parts of its line in each file."""

    clip: str
    prompt: str
    tag: str
    pictures: Sequence[str]
    background: tuple[str, str] | None  # tag and path; None without a picture


def build_lists(data: str, modes: Sequence[Mode]) -> PromptLists:
    """Builds the lists of a data folder; paths in them start with `data` as it was passed.

    Line i of every file of a mode is the same clip; the last line has no newline. The list with
    backgrounds is left out if a clip has no background picture.
    """
    lists = PromptLists()
    for mode in modes:
        entries = []
        for clip in folder.list_clips(Path(data)):
            try:
                entries += _build_entries(data, clip, mode)
            except DecodeError as fault:
                lists.left_out[clip] = str(fault)
        lists.clips[mode] = len(entries)
        for name, line in FILES[mode].items():
            lists.files[f"{mode}_mode_{name}.txt"] = "\n".join(line(entry) for entry in entries)
        if mode == "subject":
            _add_background_list(lists, entries)
    return lists


def _build_entries(data: str, clip: str, mode: Mode) -> list[ListEntry]:
    """The clip's entry as a list, empty if the clip does not belong to the mode."""
    at, face = Path(data) / clip, mode == "face"
    tags = folder.read_tags(at)
    chosen = tags["subject_with_face" if face else "subject"]
    if len(chosen) != 1:
        return []
    prompt, root = folder.read_caption(at), data.rstrip("/")
    # A second line would shift all later clips against the other files.
    if {"\n", "\r"} & set(prompt):
        raise DecodeError("rejected", "the caption has more than one line")
    pictures = [f"{root}/{clip}/{file.name}" for file in folder.list_cutouts(at, chosen[0], face)]
    if not pictures:
        raise DecodeError("rejected", f"no {'face crop' if face else 'cut-out'} of {chosen[0]!r}")
    there = tags["background"] and (at / folder.BACKGROUND).exists()
    path = f"{root}/{clip}/{folder.BACKGROUND}"
    background = (tags["background"][0], path) if there else None
    return [ListEntry(clip, prompt, chosen[0], pictures, background)]


def _format_middle_picture(entry: ListEntry) -> str:
    """The tag with its middle picture, as a Python dict: the published files are not JSON."""
    return repr({entry.tag: [entry.pictures[len(entry.pictures) // 2]]})


def _format_all_pictures(entry: ListEntry) -> str:
    return repr({entry.tag: list(entry.pictures)})


FILES: Mapping[Mode, Mapping[str, Callable[[ListEntry], str]]] = {
    "subject": {
        "videos": lambda entry: entry.clip,
        "prompts": lambda entry: entry.prompt,
        "word_tag_single_subject_image": _format_middle_picture,
        "word_tag_multi_subject_images": _format_all_pictures,
    },
    "face": {
        "videos": lambda entry: entry.clip,
        "prompts": lambda entry: entry.prompt,
        "word_tag_single_face_crop": _format_middle_picture,
        "word_tag_multi_face_crops": _format_all_pictures,
    },
}


def _add_background_list(lists: PromptLists, entries: Sequence[ListEntry]) -> None:
    name = "subject_mode_word_tag_multi_subject_images_with_background.txt"
    lines = []
    for entry in entries:
        if entry.background is None:
            lists.left_out[name] = f"{entry.clip} has no background picture: prepare with --inpaint"
            return
        tag, path = entry.background
        lines.append(repr({entry.tag: list(entry.pictures)} | {tag: [path]}))
    lists.files[name] = "\n".join(lines)
