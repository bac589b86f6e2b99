"""Files of the leak guard: a benchmark's clips, the leaks found, and ids to exclude."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.records import Video
from data.runs.evaluations import Leak
from data.store.storage import Store
from engines.report.html import replace_file
from tasks.ingest.part import read_source
from tasks.outputs import require_local

LEAKS_FILE = "leaks.json"
REAL_NAMES = ("ground_truth", "video")  # the real video in a benchmark's folder for a clip


def read_clips(source: str) -> list[Video]:
    """Reads the real clips of a source, in its order.

    If every folder has a video named `ground_truth` (or `video`), those are the clips, each named
    by its folder; otherwise every row is a clip. Raises a UserError if an id is repeated, or if a
    row has no video.
    """
    videos = []
    for row in read_source(source, {"txt": ""}):  # an empty column: no caption needs to be there
        if not row.id or not row.uri:
            raise UserError(f"row {row.line} of {source} has no video: fix or remove it")
        videos.append(Video(row.id, row.uri, ""))
    clips = next(filter(None, (_select_named(videos, name) for name in REAL_NAMES)), videos)
    if len({clip.id for clip in clips}) < len(clips):
        raise UserError(f"{source} has two clips with the same id: rename one of them")
    return clips


def _select_named(videos: Sequence[Video], name: str) -> list[Video]:
    """Returns each folder's video of this name, under the folder's name; [] if one lacks it."""
    folders = {video.id.rpartition("/")[0] for video in videos}
    real = [video for video in videos if video.id.rpartition("/")[2] == name]
    clips = [replace(video, id=video.id.rpartition("/")[0]) for video in real]
    return clips if folders == {clip.id for clip in clips} and "" not in folders else []


def write_leaks(path: str, leaks: Sequence[Leak]) -> None:
    """Writes one JSON object per line: clip, video_id, kind and similarity."""
    lines = "".join(f"{json.dumps(asdict(leak), ensure_ascii=False)}\n" for leak in leaks)
    replace_file(require_local(path), lambda draft: draft.write_text(lines, encoding="utf-8"))


def save_leaks(store: Store, folder: str, corpus: str, leaks: Sequence[Leak]) -> None:
    """Writes the leaks found in a corpus into the folder of an evaluation."""
    record = {"guarded": corpus, "leaks": [asdict(leak) for leak in leaks]}
    store.write(f"{folder}/{LEAKS_FILE}", json.dumps(record, indent=2).encode())


def load_leaks(store: Store, folder: str) -> dict[str, Any]:
    """Returns the fields of a `Summary` that `save_leaks` wrote; {} if no corpus was tested."""
    if not store.exists(f"{folder}/{LEAKS_FILE}"):
        return {}
    record = json.loads(store.read(f"{folder}/{LEAKS_FILE}"))
    return record | {"leaks": tuple(Leak(**leak) for leak in record["leaks"])}


def read_excluded(path: str) -> tuple[str, ...]:
    """Reads ids for `RetrieveSpec.exclude`: one per line, or lines as `write_leaks` writes them."""
    if not Path(path).is_file():
        raise UserError(f"no file {path}: `reelflow leaks … --out {path}` writes one")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    ids = (_parse_id(path, line.strip()) for line in lines if line.strip())
    return tuple(dict.fromkeys(ids))


def _parse_id(path: str, line: str) -> str:
    if not line.startswith("{"):  # an id of its own, not JSON
        return line
    try:
        return str(json.loads(line)["video_id"])
    except (json.JSONDecodeError, KeyError) as error:
        raise UserError(f"{path}: no video_id in line {line[:80]}") from error
