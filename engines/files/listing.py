"""The files that a folder, a glob or a brace pattern names, and what kind of source they make."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from urllib.parse import unquote

from fsspec.utils import glob_translate

from data.errors import UserError
from engines.files.access import STRICT, UrlPolicy
from engines.files.media import convert_storage_errors, open_filesystem, stat_media
from engines.files.urls import is_url
from engines.files.walk import Folder, walk_folders

VIDEO_ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts"),
    *(".wmv", ".flv", ".f4v", ".ogv", ".3gp", ".3g2", ".vob", ".mxf", ".asf", ".y4m", ".gif"),
)
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
TEXT_TABLE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson")
TABLE_ENDINGS = (
    ".parquet", *TEXT_TABLE_ENDINGS, *(f"{ending}.gz" for ending in TEXT_TABLE_ENDINGS),
)  # fmt: skip
# In order of precedence: video folders often hold a table beside the clips, and folders of tars
# one table of statistics for each.
KINDS = {"video": VIDEO_ENDINGS, "tar": TAR_ENDINGS, "table": TABLE_ENDINGS}
_NAMES_EXAMINED = 2000  # of a folder, until its kind is settled
_PARTITION = re.compile(r"[^=]+=[^=]*")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True, slots=True)
class FileSet:
    """The files below `root` whose path matches, at most `depth` folders deep."""

    root: str
    matches: Callable[[str], object]
    depth: int | None = None
    policy: UrlPolicy = STRICT

    def walk_folders(self) -> Iterator[Folder]:
        """The folders that may hold such files, in a fixed order."""
        return walk_folders(self.root, self.depth, self.policy)


def expand_braces(source: str) -> Iterator[str]:
    """The sources that a pattern with braces stands for: `{000..010}`, `{a,b}`."""
    # A file may really be called so.
    braces = None if os.path.lexists(source) else _split_braces(source)
    if not braces:
        yield source
        return
    before, choices, after = braces
    for choice in choices:
        for inner in expand_braces(choice):
            yield from (f"{before}{inner}{rest}" for rest in expand_braces(after))


def locate_files(source: str, policy: UrlPolicy = STRICT) -> FileSet:
    """The files of one source without braces; a UserError for a pattern that is not valid."""
    if is_folder(source, policy):
        return FileSet(source.rstrip("/") or "/", lambda below: True, None, policy)
    parts = source.split("/")
    first = next((i for i, part in enumerate(parts) if _is_pattern(source, part)), len(parts) - 1)
    root, pattern = "/".join(parts[:first]), "/".join(parts[first:])
    depth = None if "**" in pattern else len(parts) - first
    if not _is_pattern(source, pattern):
        return FileSet(root or _root_folder(source), pattern.__eq__, depth, policy)
    try:
        matches = re.compile(glob_translate(pattern)).match
    except ValueError as error:
        raise UserError(f"{source}: {error}") from error
    return FileSet(root or _root_folder(source), matches, depth, policy)


def list_files(source: str, endings: tuple[str, ...], policy: UrlPolicy = STRICT) -> Iterator[str]:
    """Every file of the source that has one of the endings.

    Files that a brace pattern names one by one are not looked up; a missing one shows when it is
    opened. A UserError where a folder cannot be listed.
    """
    for part in expand_braces(source):
        is_name = has_ending(part, endings) and not _is_pattern(part, part)
        if is_name and (part != source or not is_folder(part, policy)):
            if part == source:
                stat_media(part, policy)
            yield part
            continue
        files = locate_files(part, policy)
        for folder in files.walk_folders():
            if folder.fault:
                raise UserError(folder.fault)
            for name in folder.files:
                if has_ending(name, endings) and files.matches(folder.below + name):
                    yield f"{folder.path.rstrip('/')}/{name}"


def detect_kind(source: str, policy: UrlPolicy = STRICT) -> str | None:
    """What a source consists of: "video", "tar", "table", or None for anything else."""
    first = next(expand_braces(source))
    kind = _match_kind(first)
    if kind and not _is_pattern(first, first) and not is_folder(first, policy):
        return kind
    names = islice(_list_names(locate_files(first, policy)), _NAMES_EXAMINED)
    kinds = {_match_kind(name) for name in names}
    return next((name for name in KINDS if name in kinds), None)


def has_ending(name: str, endings: tuple[str, ...]) -> bool:
    """Whether the file's name has one of the endings, in upper or lower case."""
    return (name.split("?")[0] if is_url(name) else name).lower().endswith(endings)


def read_partitions(path: str) -> dict[str, str | None]:
    """The columns in the names of a file's folders, as Hive writes them: `lang=en/part-0.parquet`.

    They are text, as a CSV's are.
    """
    folders = path.split("?")[0].split("/")[:-1] if is_url(path) else path.split("/")[:-1]
    pairs = [unquote(folder).partition("=") for folder in folders if _PARTITION.fullmatch(folder)]
    return {name: None if value == _NO_VALUE else value for name, _, value in pairs}


def is_single_file(source: str, endings: tuple[str, ...], policy: UrlPolicy = STRICT) -> bool:
    """Whether the source is the name of one file with such an ending."""
    is_name = has_ending(source, endings) and not _is_pattern(source, source)
    return is_name and not is_folder(source, policy)


def is_folder(source: str, policy: UrlPolicy = STRICT) -> bool:
    """Whether a path or URL is a folder."""
    if not is_url(source):
        return os.path.isdir(source)
    if _is_pattern(source, source):
        return False
    reader, path = open_filesystem(source, policy)
    with convert_storage_errors(source):
        return bool(reader.isdir(path))


def _list_names(files: FileSet) -> Iterator[str]:
    for folder in files.walk_folders():
        if folder.fault and not folder.below:
            raise UserError(folder.fault)
        yield from (name for name in folder.files if files.matches(folder.below + name))


def _match_kind(name: str) -> str | None:
    return next((kind for kind, endings in KINDS.items() if has_ending(name, endings)), None)


def _split_braces(source: str) -> tuple[str, Iterable[str], str] | None:
    """The text before the first pair of braces, the choices in it, and the text after."""
    start = source.find("{")
    depth, commas = 0, [start]
    for at in range(start, len(source)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(source[at], 0)
        if depth == 1 and source[at] == ",":
            commas.append(at)
        if depth == 0:
            inside = [source[i + 1 : j] for i, j in pairwise([*commas, at])]
            choices = _expand_range(source[start + 1 : at]) or inside
            return source[:start], choices, source[at + 1 :]
    return None


def _expand_range(inside: str) -> Iterable[str] | None:
    """The numbers of `000..010`, with their leading zeros; None for anything else."""
    span = _RANGE.fullmatch(inside)
    if not span:
        return None
    width = len(span[1])
    return (str(number).zfill(width) for number in range(int(span[1]), int(span[2]) + 1))


def _is_pattern(source: str, part: str) -> bool:
    """Whether `part` of the source is a pattern; `?` and `[` are ordinary in web addresses."""
    if source.startswith(("http://", "https://")):
        return "*" in part
    return re.search(r"[*?\[]", part) is not None and not os.path.lexists(source)


def _root_folder(source: str) -> str:
    return "/" if source.startswith("/") else "."
