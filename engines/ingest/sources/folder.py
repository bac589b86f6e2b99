"""Videos as files: a folder with everything below it, a glob, or one file.

A video's id is its path below the folder without the ending; its caption is in the file of the
same name that ends in .txt or .json (keys `txt`, `caption`), where there is one.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

from data.records import Row
from engines.files.access import UrlPolicy
from engines.files.listing import (
    VIDEO_ENDINGS,
    FileSet,
    detect_kind,
    expand_braces,
    has_ending,
    locate_files,
    read_partitions,
)
from engines.files.media import open_media
from engines.files.rows import BadRecord, Record, build_rows, map_columns
from engines.files.urls import is_url, resolve_location
from engines.files.values import parse_caption, parse_sidecar
from engines.files.walk import Folder

_MAX_TEXT_BYTES = 16 << 20  # of a caption: a video called x.txt must not fill the memory
_READERS = 16  # threads: an object store takes some 50 ms to answer for each caption
_BLOCK = 256  # videos whose captions are requested at once: bounds what waits in memory


def accepts(source: str, policy: UrlPolicy) -> bool:
    """Whether the source is a video, or a folder or glob that holds videos."""
    return detect_kind(source, policy) == "video"


def read_rows(source: str, columns: Mapping[str, str], policy: UrlPolicy) -> Iterator[Row]:
    """One row per video, folder by folder in the order of their names."""
    names = map_columns(columns)
    file_sets = (locate_files(part, policy) for part in expand_braces(source))
    records = chain.from_iterable(_read_records(files, names) for files in file_sets)
    return build_rows(records, names)


def _read_records(files: FileSet, names: Mapping[str, str]) -> Iterator[tuple[str, Record]]:
    with ThreadPoolExecutor(_READERS) as pool:
        for folder in files.walk_folders():
            if folder.fault:
                yield "", BadRecord(folder.fault)
            videos = [
                name
                for name in folder.files
                if has_ending(name, VIDEO_ENDINGS) and files.matches(folder.below + name)
            ]
            build = partial(
                _build_record, folder, siblings=set(folder.files), names=names, policy=files.policy
            )
            # On a local disk, handing captions to threads costs more than reading them in turn.
            spread = pool.map if is_url(folder.path) else map
            for start in range(0, len(videos), _BLOCK):
                for record in spread(build, videos[start : start + _BLOCK]):
                    yield folder.path, record


def _build_record(
    folder: Folder, name: str, siblings: set[str], names: Mapping[str, str], policy: UrlPolicy
) -> Record:
    stem = os.path.splitext(name)[0]
    columns = _read_sidecars(folder, stem, siblings, names["txt"], policy)
    return {
        **read_partitions(f"{folder.path}/"),
        **columns,
        names["videoID"]: folder.below + stem,
        # Joined here: a file may be called `http://x.mp4`, which must not be taken for a URL.
        names["videoLoc"]: f"{resolve_location('', folder.path).rstrip('/')}/{name}",
    }


def _read_sidecars(
    folder: Folder, stem: str, siblings: set[str], caption: str, policy: UrlPolicy
) -> dict[str, object]:
    """The columns in the files beside the video; a file that cannot be read is named in one."""
    columns: dict[str, object] = {}
    try:
        if f"{stem}.json" in siblings:
            columns = parse_sidecar(_read_file(folder, f"{stem}.json", policy), caption)
        if f"{stem}.txt" in siblings:
            columns |= parse_caption(_read_file(folder, f"{stem}.txt", policy), caption)
    except OSError as error:
        columns["caption_error"] = str(error)
    return columns


def _read_file(folder: Folder, name: str, policy: UrlPolicy) -> bytes:
    with open_media(f"{folder.path}/{name}", policy) as file:
        return file.read(_MAX_TEXT_BYTES)
