"""Walks a tree of folders in one fixed order, whatever the storage.

Hidden names (`.name`) are skipped. Only the names of one folder are held in memory at a time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from engines.files.access import STRICT, UrlPolicy
from engines.files.faults import try_again
from engines.files.media import open_filesystem
from engines.files.urls import is_url


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of a tree: its address, its path below the root, its sorted file names.

    `fault` says why the folder could not be listed.
    """

    path: str
    below: str
    files: list[str]
    fault: str | None = None


def walk_folders(
    root: str, depth: int | None = None, policy: UrlPolicy = STRICT
) -> Iterator[Folder]:
    """The folders from the root down, at most `depth` levels of them."""
    return _walk_remote(root, depth, policy) if is_url(root) else _walk_local(root, depth)


def _walk_local(root: str, depth: int | None) -> Iterator[Folder]:
    home = os.path.realpath(root)
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(root, "", ())]
    while waiting:
        path, below, links = waiting.pop()
        try:
            with os.scandir(path) as scan:
                entries = sorted((e for e in scan if e.name[0] != "."), key=lambda e: e.name)
        except OSError as error:
            yield Folder(path, below, [], f"cannot list {path}: {error.strerror}")
            continue
        inner = [entry for entry in entries if _is_dir(entry)]
        names = {entry.name for entry in inner}
        yield Folder(path, below, [entry.name for entry in entries if entry.name not in names])
        if depth is not None and below.count("/") + 1 >= depth:
            continue
        for entry in reversed(inner):  # a stack: the first name must come off it first
            passed = _follow_link(entry, home, links)
            if passed is not None:
                waiting.append((entry.path, f"{below}{entry.name}/", passed))


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _follow_link(
    entry: os.DirEntry[str], home: str, links: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The symbolic links on the way into the folder; None where it must not be entered."""
    if not entry.is_symlink():
        return links
    # A link into the tree itself would list files twice, and a link to a folder that holds a link
    # already followed would never end.
    target = os.path.realpath(entry.path)
    link = os.path.join(os.path.realpath(os.path.dirname(entry.path)), entry.name)
    if _is_inside(target, home) or any(_is_inside(each, target) for each in (*links, link)):
        return None
    return (*links, link)


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _walk_remote(root: str, depth: int | None, policy: UrlPolicy) -> Iterator[Folder]:
    reader, start = open_filesystem(root, policy)
    waiting = [(start.rstrip("/"), "")]
    while waiting:
        path, below = waiting.pop()
        try:
            listing = try_again(partial(reader.ls, path, detail=True), root)
        except OSError as error:
            if not below:
                raise
            address = reader.unstrip_protocol(path)
            yield Folder(address, below, [], f"cannot list {address}: {error.strerror or error}")
            continue
        entries = {e["name"].rstrip("/"): e["type"] for e in listing}
        # Some object stores list the folder itself among its entries.
        names = sorted(n for n in entries if _is_inside(n, path) and n != path)
        visible = [n for n in names if not n.rsplit("/", 1)[-1].startswith(".")]
        inner = [n for n in visible if entries[n] == "directory"]
        files = [n.rsplit("/", 1)[-1] for n in visible if entries[n] != "directory"]
        yield Folder(reader.unstrip_protocol(path), below, files)
        if depth is None or below.count("/") + 1 < depth:
            waiting += [(n, f"{below}{n.rsplit('/', 1)[-1]}/") for n in reversed(inner)]
