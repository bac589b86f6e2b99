"""What the leak guard reads and writes: a benchmark's clips, matches, and ids not to retrieve."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.records import Video
from data.runs.evaluations import Leak
from data.store.storage import Store
from engines.report.html import put
from tasks.ingest.part import read_source
from tasks.outputs import here

KEPT = "leaks.json"
REAL = ("ground_truth", "video")  # what benchmarks call the real video in a clip's folder


def clips_of(source: str) -> list[Video]:
    """The real clips of a source, in its order.

    Where every folder holds a video `ground_truth`, or `video`, these are the clips, by the names
    of their folders; elsewhere each row is one. A UserError where two have the same id, or a row
    names no video.
    """
    found = []
    for row in read_source(source, {"txt": ""}):  # captions are of no use here
        if not row.id or not row.uri:
            raise UserError(f"row {row.line} of {source} names no video: mend or remove it")
        found.append(Video(row.id, row.uri, ""))
    clips = next(filter(None, (_named(found, name) for name in REAL)), found)
    if len({clip.id for clip in clips}) < len(clips):
        raise UserError(f"{source} has two clips of one id: rename one of them")
    return clips


def _named(videos: Sequence[Video], name: str) -> list[Video]:
    """One video of each folder, by the folder's name; none where a folder lacks it."""
    folders = {video.id.rpartition("/")[0] for video in videos}
    real = [video for video in videos if video.id.rpartition("/")[2] == name]
    clips = [replace(video, id=video.id.rpartition("/")[0]) for video in real]
    return clips if folders == {clip.id for clip in clips} and "" not in folders else []


def write_leaks(path: str, leaks: Sequence[Leak]) -> None:
    """A JSON object a line: clip, video_id, kind and similarity."""
    lines = "".join(f"{json.dumps(asdict(leak), ensure_ascii=False)}\n" for leak in leaks)
    put(here(path), lambda draft: draft.write_text(lines, encoding="utf-8"))


def keep(store: Store, folder: str, corpus: str, leaks: Sequence[Leak]) -> None:
    """Writes into an evaluation's folder what was found of its clips in a corpus."""
    said = {"guarded": corpus, "leaks": [asdict(leak) for leak in leaks]}
    store.write(f"{folder}/{KEPT}", json.dumps(said, indent=2).encode())


def kept(store: Store, folder: str) -> dict[str, Any]:
    """The fields of a `Summary` that `keep` wrote; none where no corpus was tested."""
    if not store.exists(f"{folder}/{KEPT}"):
        return {}
    said = json.loads(store.read(f"{folder}/{KEPT}"))
    return said | {"leaks": tuple(Leak(**leak) for leak in said["leaks"])}


def excluded(path: str) -> tuple[str, ...]:
    """The ids of a file, for `RetrieveSpec.exclude`: one a line, or as `write_leaks` has them."""
    if not Path(path).is_file():
        raise UserError(f"no file {path} of ids: `reelflow leaks … --out {path}` writes one")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    ids = (_id(path, line.strip()) for line in lines if line.strip())
    return tuple(dict.fromkeys(ids))


def _id(path: str, line: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        return str(json.loads(line)["video_id"])
    except (json.JSONDecodeError, KeyError) as error:
        raise UserError(f"{path} has a line without video_id: {line[:80]}") from error
