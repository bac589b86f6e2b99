"""UCF-101's split files as published: `trainlist01.txt`, beside or below the folder of videos.

A line is a video's path, `ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi`, in train lists with the
class's number. The videos are looked for beside the list, beside its folder, and in a folder
UCF-101 there, by class or all in one. Columns are the class and the group, which must not be split.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from data.errors import UserError
from data.records import Row
from engines.files.access import UrlPolicy
from engines.files.urls import is_url

SPLIT = re.compile(r"(train|test)list0\d\.txt")
VIDEO = re.compile(r"v_(?P<name>[A-Za-z]+)_g(?P<group>\d+)_c\d+")
FOLDER = "UCF-101"


def accepts(source: str, policy: UrlPolicy) -> bool:
    """Whether the source is a split file."""
    return not is_url(source) and SPLIT.fullmatch(Path(source).name) is not None


def read_rows(source: str, columns: Mapping[str, str], policy: UrlPolicy) -> Iterator[Row]:
    """One row per line of the list; a video that is not there is missing when it is read."""
    file = Path(source).absolute()
    lines = [line.split()[0] for line in file.read_text().splitlines() if line.strip()]
    root = _find_root(file, lines)
    for number, line in enumerate(lines):
        stem = Path(line).stem
        found = VIDEO.fullmatch(stem)
        if found is None:
            raise UserError(f"{source}: line {number + 1} names no video of UCF-101: {line!r}")
        nested = root / found["name"] / Path(line).name
        path = nested if nested.is_file() else root / Path(line).name
        caption = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found["name"]).lower()
        group = {"class": found["name"], "group": f"g{found['group']}"}
        yield Row(number, stem, str(path), caption, group)


def _find_root(file: Path, lines: list[str]) -> Path:
    """The folder of the videos: the first that has one of the list's."""
    beside = (file.parent, file.parent.parent)
    places = [place for each in beside for place in (each / FOLDER, each)]
    for place in places:
        for line in lines:
            name = Path(line).name
            if (place / name).is_file() or (place / line.split("/")[0] / name).is_file():
                return place
    looked = ", ".join(map(str, places))
    raise UserError(f"{file}: none of its videos is in {looked}: put them there as {FOLDER}")
