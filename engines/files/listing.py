"""The files that a folder, a glob or a brace pattern names, and what kind of source they make."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

from fsspec.utils import glob_translate

from data.errors import UserError
from engines.files.media import filesystem, is_url, reaching, stat_media
from engines.files.walk import Folder, walk

VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts"),
    *(".wmv", ".flv", ".f4v", ".ogv", ".3gp", ".3g2", ".vob", ".mxf", ".asf", ".y4m", ".gif"),
)
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
ROWS = (".csv", ".tsv", ".jsonl", ".ndjson")
TABLES = (".parquet", *ROWS, *(f"{ending}.gz" for ending in ROWS))
# Video folders often hold a table beside the clips, and tars one statistics table each.
KINDS = {"video": VIDEOS, "tar": TARS, "table": TABLES}
_ENOUGH = 2000
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True, slots=True)
class Place:
    """What a source names: the files below `root` whose path matches, `depth` folders deep."""

    root: str
    matches: Callable[[str], object]
    depth: int | None = None

    def folders(self) -> Iterator[Folder]:
        """The folders in which such files may lie, in a fixed order."""
        return walk(self.root, self.depth)


def expand(src: str) -> Iterator[str]:
    """The sources that a pattern with braces stands for: `{000..010}`, `{a,b}`."""
    braces = None if os.path.lexists(src) else _braces(src)
    if not braces:
        yield src
        return
    before, choices, after = braces
    for choice in choices:
        for inner in expand(choice):
            yield from (f"{before}{inner}{rest}" for rest in expand(after))


def place(src: str) -> Place:
    """Where the files of one source without braces lie."""
    if is_folder(src):
        return Place(src.rstrip("/") or "/", lambda below: True)
    parts = src.split("/")
    first = next((i for i, part in enumerate(parts) if _is_magic(src, part)), len(parts) - 1)
    root, pattern = "/".join(parts[:first]), "/".join(parts[first:])
    depth = None if "**" in pattern else len(parts) - first
    if not _is_magic(src, pattern):
        return Place(root or _start(src), pattern.__eq__, depth)
    try:
        return Place(root or _start(src), re.compile(glob_translate(pattern)).match, depth)
    except ValueError as error:
        raise UserError(f"{src}: {error}") from error


def files(src: str, endings: tuple[str, ...]) -> Iterator[str]:
    """Every file of the source with one of the endings; those named outright are not looked up."""
    for one in expand(src):
        outright = ends(one, endings) and not _is_magic(one, one)
        if outright and (one != src or not is_folder(one)):
            if one == src:
                stat_media(one)
            yield one
            continue
        where = place(one)
        for folder in where.folders():
            if folder.fault:
                raise UserError(folder.fault)
            for name in folder.files:
                if ends(name, endings) and where.matches(folder.below + name):
                    yield f"{folder.path.rstrip('/')}/{name}"


def kind(src: str) -> str | None:
    """What the source is made of: "video", "tar", "table", or None where it is none of these."""
    first = next(expand(src))
    found = _kind_of(first)
    if found and not _is_magic(first, first) and not is_folder(first):
        return found
    kinds = {_kind_of(name) for name in islice(_names(place(first)), _ENOUGH)}
    return next((name for name in KINDS if name in kinds), None)


def ends(name: str, endings: tuple[str, ...]) -> bool:
    """Whether the file's name has one of the endings, in whatever case."""
    return (name.split("?")[0] if is_url(name) else name).lower().endswith(endings)


def outright(src: str, endings: tuple[str, ...]) -> bool:
    """Whether the source is the name of one file with such an ending."""
    return ends(src, endings) and not _is_magic(src, src) and not is_folder(src)


def is_folder(src: str) -> bool:
    """Whether the path or URL is a folder."""
    if not is_url(src):
        return os.path.isdir(src)
    if _is_magic(src, src):
        return False
    reader, path = filesystem(src)
    with reaching(src):
        return bool(reader.isdir(path))


def _names(where: Place) -> Iterator[str]:
    for folder in where.folders():
        if folder.fault and not folder.below:
            raise UserError(folder.fault)
        yield from (name for name in folder.files if where.matches(folder.below + name))


def _kind_of(name: str) -> str | None:
    return next((kind for kind, endings in KINDS.items() if ends(name, endings)), None)


def _braces(src: str) -> tuple[str, Iterable[str], str] | None:
    """The text before the first pair of braces, the choices in it, and the text after."""
    start = src.find("{")
    depth, commas = 0, [start]
    for at in range(start, len(src)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(src[at], 0)
        if depth == 1 and src[at] == ",":
            commas.append(at)
        if depth == 0:
            inside = [src[i + 1 : j] for i, j in pairwise([*commas, at])]
            return src[:start], _numbers(src[start + 1 : at]) or inside, src[at + 1 :]
    return None


def _numbers(inside: str) -> Iterable[str] | None:
    span = _RANGE.fullmatch(inside)
    if not span:
        return None
    width = len(span[1])
    return (str(number).zfill(width) for number in range(int(span[1]), int(span[2]) + 1))


def _is_magic(src: str, part: str) -> bool:
    """Whether `part` of the source is a pattern; `?` and `[` are ordinary in web addresses."""
    if src.startswith(("http://", "https://")):
        return "*" in part
    return re.search(r"[*?\[]", part) is not None and not os.path.lexists(src)


def _start(src: str) -> str:
    return "/" if src.startswith("/") else "."
