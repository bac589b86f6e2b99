"""A run's videos at a glance: one picture with frames of each, beside the clips behind it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from data.outcome import Done, Failed
from data.records import Video
from data.settings import Settings
from engines.children.guard import Guard
from engines.video.frames import Resize, Sampling
from tasks.generation_page import Row, Shown
from tasks.html import put
from tasks.mosaic import WELL, Strip, mosaic

MOST = 100  # videos: more are not seen at a glance
HIGH, WIDEST = 96, 172  # pixels of a frame

Asked = dict[str, tuple[str, Sampling]]  # where a video lies, and which frames of it
Found = Mapping[str, list[np.ndarray | None]]


def contact_sheet(shown: Shown, rows: Sequence[Row], settings: Settings, path: Path) -> int:
    """Writes the sheet of the run's first videos as a JPEG; how many there are on it.

    Each has its first, middle and last frame, and the first frame of each window that conditioned
    its prompt. What cannot be read, and what is withdrawn, is left blank.
    """
    made = [row for row in rows if row["reason"] is None][:MOST]
    spec = shown.run.spec
    wide = min(WIDEST, round(HIGH * spec.width / spec.height))
    found = _decoded(_asked(shown, made), Resize(HIGH, "longest", fill=WELL, width=wide), settings)
    strips = [_strip(row, found) for row in made]
    put(path, lambda draft: mosaic(strips, (HIGH, wide)).save(draft, "JPEG", quality=88))
    return len(made)


def _asked(shown: Shown, rows: Sequence[Row]) -> Asked:
    spec = shown.run.spec
    apart = max(1, spec.frames - 1) / 2
    thirds = Sampling(None, spec.fps / apart, count=3)  # a frame is given once
    asked: Asked = {}
    for row in rows:
        asked[row["request_id"]] = (shown.store.path(f"{shown.run.folder}/{row['file']}"), thirds)
        for hit in row["hits"]:
            if hit["content"] not in shown.gone:
                first = Sampling(None, spec.fps, start_s=hit["start_s"], count=1)
                asked[_key(hit)] = (hit["uri"], first)
    return asked


def _decoded(asked: Asked, resize: Resize, settings: Settings) -> Found:
    """(height, width, 3) frames of each video that can be read."""
    found: dict[str, list[np.ndarray | None]] = {key: [] for key in asked}
    videos = [(Video(key, uri, ""), sampling) for key, (uri, sampling) in asked.items()]
    with Guard(1, settings.decode_deadline_s, settings.decoder_memory_gb) as guard:
        for event in guard.decode_each(videos, resize):
            if not isinstance(event, Done | Failed):
                found[event[0].id] += list(event[1].pixels.transpose(0, 2, 3, 1))
    return found


def _strip(row: Row, found: Found) -> Strip:
    video = (found[row["request_id"]] + 3 * [None])[: min(3, row["frames"])]
    clips = [next(iter(found.get(_key(hit), ())), None) for hit in row["hits"]]
    return Strip(row["prompt_id"], row["prompt"], video, clips)


def _key(hit: Row) -> str:
    """Names a window; no request has such an id."""
    return f"{hit['content']} @ {hit['start_s']}"
