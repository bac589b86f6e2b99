"""WebDataset tars: samples of a video with its json or txt, read where they lie.

A sample's members stand next to each other and share a key, the name up to the first dot, which is
the video's id. Nothing is extracted: a member is addressed by its place in the tar.
"""

import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import BinaryIO, cast

from data.records import Row
from engines.archive import DAMAGED, Member, member_uri, unpacker
from engines.listing import TARS, VIDEOS, ends, files, kind
from engines.media import open_media, resolve
from engines.rows import Malformed, Record, described, names_of, rows_of, text_of

_LONGEST = 16 << 20


@dataclass(slots=True)
class _Sample:
    """What one member, or all of one key, say of a video; no key where the tar is broken."""

    key: str | None
    videos: list[tuple[str, Member]] = field(default_factory=list)
    record: dict[str, object] = field(default_factory=dict)
    caption: str | None = None
    faults: list[str] = field(default_factory=list)


class _Watched:
    """A file that remembers what was read last: of a sound tar, that is its end mark."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.seek, self.tell, self.last = file, file.seek, file.tell, b""

    def read(self, size: int = -1) -> bytes:
        self.last = self._file.read(size)
        return self.last


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
    tar = resolve(tar, os.getcwd())
    for key, parts in groupby(_members(tar, names["txt"]), key=lambda part: part.key):
        for record in _of_sample(_joined(key, parts), columns, names):
            yield "", record if isinstance(record, dict) else Malformed(f"{tar}: {record}")


def _members(tar: str, caption: str) -> Iterator[_Sample]:
    """Each member as a sample of its own, and what is wrong with the tar as a last one."""
    try:
        with open_media(tar) as file:
            unpack = unpacker(tar)
            yield from _read(unpack(file) if unpack else file, tar, caption)
    except (OSError, tarfile.TarError, *DAMAGED) as error:
        yield _Sample(None, faults=[f"not read to its end: {error}"])


def _read(file: BinaryIO, tar: str, caption: str) -> Iterator[_Sample]:
    watched = _Watched(file)
    # The three methods above are all that tarfile asks of a file it reads.
    with tarfile.open(fileobj=cast(BinaryIO, watched), mode="r:", encoding="utf-8") as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep every member seen
            name = info.name.rsplit("/", 1)[-1]
            if not info.isdir() and not name.startswith("."):
                yield _sample(archive, info, tar, caption)
    if len(watched.last) < tarfile.BLOCKSIZE or watched.last.strip(b"\0"):
        raise tarfile.ReadError("the end mark of a tar is not where it should be")


def _sample(archive: tarfile.TarFile, info: tarfile.TarInfo, tar: str, caption: str) -> _Sample:
    name = info.name.rsplit("/", 1)[-1]
    sample = _Sample(info.name[: len(info.name) - len(name)] + name.split(".")[0])
    if not info.isreg() or info.issparse():
        sample.faults.append(f"{info.name} is not a regular file")
    elif ends(name, VIDEOS):
        sample.videos.append((info.name, Member(tar, info.offset_data, info.size)))
    elif ends(name, (".json",)):
        sample.record = described(_content(archive, info), caption)
    elif ends(name, (".txt",)):
        sample.caption = _content(archive, info).decode("utf-8-sig", "replace").strip()
    return sample


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    return file.read(min(info.size, _LONGEST)) if file else b""


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
