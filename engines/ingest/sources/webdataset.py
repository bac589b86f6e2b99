"""WebDataset tars: samples of a video with its json or txt, read where they lie.

A sample's members stand next to each other and share a key, the name up to the first dot, which is
the video's id. Nothing is extracted: a member is addressed by its place in the tar.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby

from data.records import Row
from engines.files.archive import Member, member_uri
from engines.files.listing import TARS, VIDEOS, ends, files, kind
from engines.files.rows import Malformed, Record, described, names_of, rows_of, text_of
from engines.files.tars import Entry, entries

_LONGEST = 16 << 20


@dataclass(slots=True)
class _Sample:
    """What one member, or all of one key, say of a video; no key where the tar is broken."""

    key: str | None
    videos: list[tuple[str, Member]] = field(default_factory=list)
    record: dict[str, object] = field(default_factory=dict)
    caption: str | None = None
    faults: list[str] = field(default_factory=list)


def accepts(src: str) -> bool:
    """Whether the source is a tar, or a folder, glob or brace pattern of tars."""
    return kind(src) == "tar"


def rows(src: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """One row per video, tar by tar in the order of their names and of the members in them."""
    names = names_of(columns)
    return rows_of(
        chain.from_iterable(_records(tar, columns, names) for tar in files(src, TARS)), names
    )


def _records(
    tar: str, columns: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[tuple[str, Record]]:
    for key, parts in groupby(_members(tar, names["txt"]), key=lambda part: part.key):
        for record in _of_sample(_joined(key, parts), columns, names):
            yield "", record if isinstance(record, dict) else Malformed(f"{tar}: {record}")


def _members(tar: str, caption: str) -> Iterator[_Sample]:
    """Each member as a sample of its own, and what is wrong with the tar as a last one."""
    try:
        for entry in entries(tar):
            yield _sample(entry, caption)
    except OSError as error:
        yield _Sample(None, faults=[f"not read to its end: {error}"])


def _sample(entry: Entry, caption: str) -> _Sample:
    name = entry.name.rsplit("/", 1)[-1]
    sample = _Sample(entry.name[: len(entry.name) - len(name)] + name.split(".")[0])
    if not entry.regular:
        sample.faults.append(f"{entry.name} is not a regular file")
    elif ends(name, VIDEOS):
        sample.videos.append((entry.name, entry.member))
    elif ends(name, (".json",)):
        sample.record = described(entry.read(_LONGEST), caption)
    elif ends(name, (".txt",)):
        sample.caption = entry.read(_LONGEST).decode("utf-8-sig", "replace").strip()
    return sample


def _joined(key: str | None, parts: Iterator[_Sample]) -> _Sample:
    whole = _Sample(key)
    for part in parts:
        whole.videos += part.videos
        whole.faults += part.faults
        whole.record |= part.record
        whole.caption = part.caption or whole.caption
    return whole


def _of_sample(
    sample: _Sample, columns: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[Record]:
    yield from map(Malformed, sample.faults)
    if not sample.videos and not sample.faults:
        yield Malformed(f"{sample.key} has no video beside it")
    for name, member in sample.videos:
        # Of several videos with one key, each is known by its own name.
        key = sample.key if len(sample.videos) == 1 else os.path.splitext(name)[0]
        mapped = sample.record.get(columns["videoID"]) if "videoID" in columns else None
        yield {
            **sample.record,
            names["txt"]: sample.caption or sample.record.get(names["txt"]),
            names["videoID"]: text_of(mapped) or key,
            names["videoLoc"]: member_uri(member, name),
        }
