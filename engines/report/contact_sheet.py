"""A run's videos at a glance: one picture with frames of each, beside the clips behind it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.settings import Settings
from engines.report.generation import Row, Shown
from engines.report.html import put
from engines.report.mosaic import Strip, mosaic
from engines.report.stills import Found, stills
from engines.video.frames import Sampling

if TYPE_CHECKING:
    from PIL.Image import Image

MOST = 100  # videos: more are not seen at a glance
HIGH, WIDEST = 96, 172  # pixels of a frame


def contact_sheet(shown: Shown, rows: Sequence[Row], settings: Settings, path: Path) -> int:
    """Writes the sheet of the run's first videos as a JPEG; how many there are on it."""
    made = [row for row in rows if row["reason"] is None][:MOST]
    sheet = sheet_of(shown, made, settings)
    put(path, lambda draft: sheet.save(draft, "JPEG", quality=88))
    return len(made)


def sheet_of(
    shown: Shown, rows: Sequence[Row], settings: Settings, within_s: float | None = None
) -> "Image":
    """Each video's first, middle and last frame, and the first of each window behind it.

    What cannot be read, what is withdrawn, and what takes longer than allowed is left blank.
    """
    spec = shown.run.spec
    wide = min(WIDEST, round(HIGH * spec.width / spec.height))
    found = stills(_asked(shown, rows), (HIGH, wide), settings, within_s)
    return mosaic([_strip(row, found) for row in rows], (HIGH, wide))


def _asked(shown: Shown, rows: Sequence[Row]) -> dict[str, tuple[str, Sampling]]:
    spec = shown.run.spec
    apart = max(1, spec.frames - 1) / 2
    thirds = Sampling(None, spec.fps / apart, count=3)  # a frame is given once
    asked: dict[str, tuple[str, Sampling]] = {}
    for row in rows:
        asked[row["request_id"]] = (shown.store.path(f"{shown.run.folder}/{row['file']}"), thirds)
        for hit in row["hits"]:
            if hit["content"] not in shown.gone:
                first = Sampling(None, spec.fps, start_s=hit["start_s"], count=1)
                asked[_key(hit)] = (hit["uri"], first)
    return asked


def _strip(row: Row, found: Found) -> Strip:
    video = (found[row["request_id"]] + 3 * [None])[: min(3, row["frames"])]
    clips = [next(iter(found.get(_key(hit), ())), None) for hit in row["hits"]]
    return Strip(row["prompt_id"], row["prompt"], video, clips)


def _key(hit: Row) -> str:
    """Names a window; no request has such an id."""
    return f"{hit['content']} @ {hit['start_s']}"
