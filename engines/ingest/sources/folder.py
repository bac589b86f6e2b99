"""Videos as files: a folder with all below it, a glob, or one file.

A video's id is its path below the folder without the ending; its caption is in the file of the
same name that ends in .txt or .json (keys `txt`, `caption`), where there is one.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

from data.records import Row
from engines.files.listing import VIDEOS, Place, ends, expand, kind, place
from engines.files.media import is_url, open_media, resolve
from engines.files.rows import Malformed, Record, described, names_of, rows_of
from engines.files.walk import Folder

_LONGEST = 16 << 20
_AT_ONCE = 16
_BLOCK = 256


def accepts(src: str) -> bool:
    """Whether the source is a video, or a folder or glob that holds videos."""
    return kind(src) == "video"


def rows(src: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """One row per video, folder by folder in the order of their names."""
    names = names_of(columns)
    places = map(place, expand(src))
    return rows_of(chain.from_iterable(_records(where, names) for where in places), names)


def _records(where: Place, names: Mapping[str, str]) -> Iterator[tuple[str, Record]]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for folder in where.folders():
            if folder.fault:
                yield "", Malformed(folder.fault)
            videos = [
                n for n in folder.files if ends(n, VIDEOS) and where.matches(folder.below + n)
            ]
            record = partial(_record, folder, beside=set(folder.files), names=names)
            # Only far away does reading captions one by one cost more than handing them to threads.
            spread = pool.map if is_url(folder.path) else map
            for start in range(0, len(videos), _BLOCK):
                for found in spread(record, videos[start : start + _BLOCK]):
                    yield folder.path, found


def _record(folder: Folder, name: str, beside: set[str], names: Mapping[str, str]) -> Record:
    stem = os.path.splitext(name)[0]
    record = _described(folder, stem, beside, names["txt"])
    return {
        **record,
        names["videoID"]: folder.below + stem,
        # A file's name is never a URL, whatever it looks like.
        names["videoLoc"]: f"{resolve('', folder.path).rstrip('/')}/{name}",
    }


def _described(folder: Folder, stem: str, beside: set[str], caption: str) -> dict[str, object]:
    """What the files beside the video say of it; what they fail to say is said in a column."""
    found: dict[str, object] = {}
    try:
        if f"{stem}.json" in beside:
            found = described(_read(folder, f"{stem}.json"), caption)
        if f"{stem}.txt" in beside:
            found[caption] = _read(folder, f"{stem}.txt").decode("utf-8-sig", "replace").strip()
    except OSError as error:
        found["caption_error"] = str(error)
    return found


def _read(folder: Folder, name: str) -> bytes:
    with open_media(f"{folder.path}/{name}") as file:
        return file.read(_LONGEST)
