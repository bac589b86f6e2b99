"""Cuts one moment out of its video, in a process that can be killed."""

from hashlib import file_digest
from pathlib import Path
from typing import Any

from engines.files.access import UrlPolicy
from engines.files.time_span import split_span
from engines.video.copying import copy_span
from engines.video.cutting import write_clip
from engines.video.frames import DecodeError

QUALITY = {"crf": "18", "preset": "medium", "x264-params": "mbtree=0"}


def warm_up() -> None:
    """Imports what `work` needs before the first deadline starts."""
    import av  # noqa: F401


def work(uri: str, stem: str, exact: bool, policy: dict[str, Any]) -> dict[str, Any]:
    """Writes the span that an address names at `stem` + a suffix, by copying unless `exact`.

    The result has the file's name and digest, and the seconds of the source that it shows.
    """
    address, span = split_span(uri)
    if span is None or span.end is None:
        raise DecodeError("rejected", f"no seconds to cut: {uri}")
    rules = UrlPolicy(**policy)
    if exact:
        file, start, end = Path(f"{stem}.mp4"), span.start, span.end
        write_clip(address, file, start, end, QUALITY, policy=rules)
    else:
        copied = copy_span(address, Path(stem), span.start, span.end, rules)
        file, start, end = copied.file, copied.start, copied.end
    with file.open("rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
    return {"file": file.name, "start_sec": start, "end_sec": end, "sha256": digest}
