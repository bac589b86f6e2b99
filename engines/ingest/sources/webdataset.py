"""WebDataset tars: samples of a video with its json or txt, read in place.

A sample's members stand next to each other and share a key, the name up to the first dot, which is
the video's id. Nothing is extracted: a member is addressed by its place in the tar.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby

from data.records import Row
from engines.files.access import UrlPolicy
from engines.files.archive import Member, format_member_uri
from engines.files.listing import (
    TAR_ENDINGS,
    VIDEO_ENDINGS,
    detect_kind,
    has_ending,
    list_files,
)
from engines.files.rows import (
    BadRecord,
    Record,
    build_rows,
    map_columns,
    parse_sidecar,
    to_text,
)
from engines.files.tars import TarEntry, read_entries

_MAX_TEXT_BYTES = 16 << 20  # of a caption: a video called x.txt must not fill the memory


@dataclass(slots=True)
class _Sample:
    """The content of one member, or of all with one key; no key where the tar is damaged."""

    key: str | None
    videos: list[tuple[str, Member]] = field(default_factory=list)
    record: dict[str, object] = field(default_factory=dict)
    caption: str | None = None
    faults: list[str] = field(default_factory=list)


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
    members = _read_members(tar, names["txt"], policy)
    # Neighbours only, as webdataset itself groups them: a tar is read once, from front to back.
    for key, parts in groupby(members, key=lambda part: part.key):
        for record in _build_records(_merge_members(key, parts), columns, names):
            yield "", record if isinstance(record, dict) else BadRecord(f"{tar}: {record}")


def _read_members(tar: str, caption: str, policy: UrlPolicy) -> Iterator[_Sample]:
    """Each member as a sample of its own; a last one says what is wrong with the tar."""
    try:
        for entry in read_entries(tar, policy):
            yield _parse_member(entry, caption)
    except OSError as error:
        # A row rather than an error: the members before the damage are good.
        yield _Sample(None, faults=[f"not read to its end: {error}"])


def _parse_member(entry: TarEntry, caption: str) -> _Sample:
    name = entry.name.rsplit("/", 1)[-1]
    sample = _Sample(entry.name[: len(entry.name) - len(name)] + name.split(".")[0])
    if not entry.regular:
        sample.faults.append(f"{entry.name} is not a regular file")
    elif has_ending(name, VIDEO_ENDINGS):
        sample.videos.append((entry.name, entry.member))
    elif has_ending(name, (".json",)):
        sample.record = parse_sidecar(entry.read(_MAX_TEXT_BYTES), caption)
    elif has_ending(name, (".txt",)):
        sample.caption = entry.read(_MAX_TEXT_BYTES).decode("utf-8-sig", "replace").strip()
    return sample


def _merge_members(key: str | None, parts: Iterator[_Sample]) -> _Sample:
    whole = _Sample(key)
    for part in parts:
        whole.videos += part.videos
        whole.faults += part.faults
        whole.record |= part.record
        whole.caption = part.caption or whole.caption
    return whole


def _build_records(
    sample: _Sample, columns: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[Record]:
    yield from map(BadRecord, sample.faults)
    if not sample.videos and not sample.faults:
        yield BadRecord(f"{sample.key} has no video beside it")
    for name, member in sample.videos:
        # Several videos with one key would share an id: each takes its own name.
        key = sample.key if len(sample.videos) == 1 else os.path.splitext(name)[0]
        id = sample.record.get(columns["videoID"]) if "videoID" in columns else None
        yield {
            **sample.record,
            names["txt"]: sample.caption or sample.record.get(names["txt"]),
            names["videoID"]: to_text(id) or key,
            names["videoLoc"]: format_member_uri(member, name),
        }
