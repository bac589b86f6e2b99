"""WebDataset tars: samples of a video with its json or txt, read in place.

A sample's members stand next to each other and share a key, the name up to the first dot, which is
the video's id. Where several videos share it, each has the members of its own name up to the last
dot, which is its id then, and those that are the key's. Nothing is extracted: a member is addressed
by its place in the tar.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from data.records import Row
from engines.files.access import UrlPolicy
from engines.files.archive import Member, format_member_uri
from engines.files.listing import (
    TAR_ENDINGS,
    VIDEO_ENDINGS,
    detect_kind,
    has_ending,
    list_files,
    read_partitions,
)
from engines.files.rows import (
    BadRecord,
    Record,
    build_rows,
    map_columns,
)
from engines.files.tars import TarEntry, read_entries
from engines.files.values import parse_caption, parse_sidecar

_MAX_TEXT_BYTES = 16 << 20  # of a caption: a video called x.txt must not fill the memory


@dataclass(frozen=True, slots=True)
class _Part:
    """One member of a sample: a video, its columns or its caption; or what is wrong with it."""

    name: str
    key: str | None
    video: Member | None = None
    record: dict[str, object] = field(default_factory=dict)
    fault: str | None = None

    @property
    def stem(self) -> str:
        """The name up to its last dot."""
        return os.path.splitext(self.name)[0]


def accepts(source: str, policy: UrlPolicy) -> bool:
    """Whether the source is a tar, or a folder, glob or brace pattern of tars."""
    return detect_kind(source, policy) == "tar"


def read_rows(source: str, columns: Mapping[str, str], policy: UrlPolicy) -> Iterator[Row]:
    """One row per video, tar by tar in the order of their names and of the members in them."""
    names = map_columns(columns)
    tars = list_files(source, TAR_ENDINGS, policy)
    records = chain.from_iterable(_read_records(tar, columns, names, policy) for tar in tars)
    return build_rows(records, names)


def _read_records(
    tar: str, columns: Mapping[str, str], names: Mapping[str, str], policy: UrlPolicy
) -> Iterator[tuple[str, Record]]:
    partitions = read_partitions(tar)
    for parts in _group_parts(_read_parts(tar, names["txt"], policy)):
        for record in _build_records(parts, columns, names):
            if isinstance(record, BadRecord):
                record = BadRecord(f"{tar}: {record}")
            yield "", record if isinstance(record, BadRecord) else partitions | record


def _read_parts(tar: str, caption: str, policy: UrlPolicy) -> Iterator[_Part]:
    """Each member by itself; a last one says what is wrong with the tar."""
    try:
        for entry in read_entries(tar, policy):
            yield _parse_member(entry, caption)
    except OSError as error:
        # A row rather than an error: the members before the damage are good.
        yield _Part("", None, fault=f"not read to its end: {error}")


def _parse_member(entry: TarEntry, caption: str) -> _Part:
    name = entry.name.rsplit("/", 1)[-1]
    part = partial(
        _Part, entry.name, entry.name[: len(entry.name) - len(name)] + name.split(".")[0]
    )
    if not entry.regular:
        return part(fault=f"{entry.name} is not a regular file")
    if has_ending(name, VIDEO_ENDINGS):
        return part(video=entry.member)
    if has_ending(name, (".json",)):
        return part(record=parse_sidecar(entry.read(_MAX_TEXT_BYTES), caption))
    if has_ending(name, (".txt",)):
        return part(record=parse_caption(entry.read(_MAX_TEXT_BYTES), caption))
    return part()


def _group_parts(parts: Iterator[_Part]) -> Iterator[list[_Part]]:
    """Neighbours with one key, as webdataset itself groups them; a name again is another sample."""
    # Neighbours only: a tar is read once, from front to back.
    group: list[_Part] = []
    for part in parts:
        if group and (part.key != group[0].key or part.name in {each.name for each in group}):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _build_records(
    parts: list[_Part], columns: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[Record]:
    yield from (BadRecord(part.fault) for part in parts if part.fault)
    videos = [part for part in parts if part.video]
    if not videos and not any(part.fault for part in parts):
        yield BadRecord(f"{parts[0].key} has no video beside it")
    used = set[str]()
    for video in videos:
        own = [part for part in parts if len(videos) == 1 or _belongs(part, video, videos)]
        used |= {part.name for part in own}
        yield _build_record(video, own, len(videos) == 1, columns, names)
    lost = [part for part in parts if videos and part.record and part.name not in used]
    yield from (BadRecord(f"{part.name} has no video beside it") for part in lost)


def _belongs(part: _Part, video: _Part, videos: list[_Part]) -> bool:
    """Whether a member is the video's own, or of all whose names begin as its does."""
    shared = part.stem not in {other.stem for other in videos}
    return part.stem == video.stem or (shared and video.stem.startswith(f"{part.stem}."))


def _build_record(
    video: _Part,
    own: list[_Part],
    alone: bool,
    columns: Mapping[str, str],
    names: Mapping[str, str],
) -> Record:
    assert video.video is not None
    record: dict[str, object] = {}
    # The last one wins: texts before JSON, and the video's own name before others.
    for part in sorted(own, key=lambda part: (part.name.endswith(".txt"), part.stem == video.stem)):
        caption = part.record.get(names["txt"]) or record.get(names["txt"])
        record |= part.record | {names["txt"]: caption}
    id = record.get(columns["videoID"]) if "videoID" in columns else None
    return record | {
        names["videoID"]: id if id not in (None, "") else video.key if alone else video.stem,
        names["videoLoc"]: format_member_uri(video.video, video.name),
    }
