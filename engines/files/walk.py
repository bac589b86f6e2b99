"""Walking a tree of folders in one order, whatever the storage.

Hidden names (`.name`) are passed over. Only the names of one folder are held at a time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from engines.files.media import filesystem, is_url, reaching


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of a tree: its address, its path below the root, its files' names, sorted."""

    path: str
    below: str
    files: list[str]
    fault: str | None = None


def walk(root: str, depth: int | None = None) -> Iterator[Folder]:
    """The folders from the root down, at most `depth` levels of them."""
    return _remote(root, depth) if is_url(root) else _local(root, depth)


def _local(root: str, depth: int | None) -> Iterator[Folder]:
    home = os.path.realpath(root)
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(root, "", ())]
    while waiting:
        path, below, links = waiting.pop()
        try:
            with os.scandir(path) as scan:
                found = sorted((e for e in scan if e.name[0] != "."), key=lambda e: e.name)
        except OSError as error:
            yield Folder(path, below, [], f"cannot list {path}: {error.strerror}")
            continue
        inner = [entry for entry in found if _is_dir(entry)]
        names = {entry.name for entry in inner}
        yield Folder(path, below, [entry.name for entry in found if entry.name not in names])
        if depth is not None and below.count("/") + 1 >= depth:
            continue
        for entry in reversed(inner):
            way = _way(entry, home, links)
            if way is not None:
                waiting.append((entry.path, f"{below}{entry.name}/", way))


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _way(entry: os.DirEntry[str], home: str, links: tuple[str, ...]) -> tuple[str, ...] | None:
    """The links passed on the way into the folder; None where it must not be entered.

    A link into the tree itself names what is listed anyway, and one to a folder that holds a link
    already passed would never end.
    """
    if not entry.is_symlink():
        return links
    target = os.path.realpath(entry.path)
    here = os.path.join(os.path.realpath(os.path.dirname(entry.path)), entry.name)
    if _inside(target, home) or any(_inside(link, target) for link in (*links, here)):
        return None
    return (*links, here)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _remote(root: str, depth: int | None) -> Iterator[Folder]:
    reader, start = filesystem(root)
    waiting = [(start.rstrip("/"), "")]
    while waiting:
        path, below = waiting.pop()
        with reaching(root):
            entries = {e["name"].rstrip("/"): e["type"] for e in reader.ls(path, detail=True)}
        names = sorted(n for n in entries if _inside(n, path) and n != path)
        shown = [n for n in names if not n.rsplit("/", 1)[-1].startswith(".")]
        inner = [n for n in shown if entries[n] == "directory"]
        found = [n.rsplit("/", 1)[-1] for n in shown if entries[n] != "directory"]
        yield Folder(reader.unstrip_protocol(path), below, found)
        if depth is None or below.count("/") + 1 < depth:
            waiting += [(n, f"{below}{n.rsplit('/', 1)[-1]}/") for n in reversed(inner)]
