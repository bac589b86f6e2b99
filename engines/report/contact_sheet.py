"""A contact sheet: one picture with frames of each video of a run, beside its conditioning clips.

A contact sheet shows at a glance whether a run went wrong, without a browser or a player.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engines.report.generation import Row, RunView
from engines.report.html import replace_file
from engines.report.mosaic import Strip, draw_mosaic
from engines.report.stills import Stills, extract_stills
from engines.video.frames import Sampling
from engines.worker import WorkerSetup

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_VIDEOS = 100  # more cannot be taken in at a glance
FRAME_HEIGHT, MAX_FRAME_WIDTH = 96, 172  # pixels
FRAMES_PER_VIDEO = 3


def write_contact_sheet(view: RunView, rows: Sequence[Row], setup: WorkerSetup, path: Path) -> int:
    """Writes a JPEG of the run's first videos and returns how many it shows."""
    # Failed requests have no frames; the page lists them with their reasons.
    done = [row for row in rows if row["reason"] is None][:MAX_VIDEOS]
    sheet = draw_sheet(view, done, setup)
    # The format is named, as the draft's suffix does not tell it.
    replace_file(path, lambda draft: sheet.save(draft, "JPEG", quality=88))
    return len(done)


def draw_sheet(
    view: RunView, rows: Sequence[Row], setup: WorkerSetup, within_s: float | None = None
) -> "Image":
    """Draws each video's first, middle and last frame, then the first frame of each clip window.

    A frame stays blank if its video cannot be read, is withdrawn, or is not decoded in time.
    """
    spec = view.run.spec
    # Clips are drawn in the shape of the generated videos, so that all frames align in columns.
    width = min(MAX_FRAME_WIDTH, round(FRAME_HEIGHT * spec.width / spec.height))
    stills = extract_stills(_select_frames(view, rows), (FRAME_HEIGHT, width), setup, within_s)
    return draw_mosaic([_build_strip(row, stills) for row in rows], (FRAME_HEIGHT, width))


def _select_frames(view: RunView, rows: Sequence[Row]) -> dict[str, tuple[str, Sampling]]:
    spec = view.run.spec
    half = max(1, spec.frames - 1) / 2
    # A short video has fewer than three distinct frames; `_build_strip` cuts its row to those.
    thirds = Sampling(None, spec.fps / half, count=FRAMES_PER_VIDEO)
    requests: dict[str, tuple[str, Sampling]] = {}
    for row in rows:
        file = view.store.path(f"{view.run.folder}/{row['file']}")
        requests[row["request_id"]] = (file, thirds)
        for hit in row["hits"]:
            if hit["content"] not in view.withdrawn:
                first = Sampling(None, spec.fps, start_s=hit["start_s"], count=1)
                requests[_window_key(hit)] = (hit["uri"], first)
    return requests


def _build_strip(row: Row, stills: Stills) -> Strip:
    blanks = FRAMES_PER_VIDEO * [None]
    video = (stills[row["request_id"]] + blanks)[: min(FRAMES_PER_VIDEO, row["frames"])]
    clips = [next(iter(stills.get(_window_key(hit), ())), None) for hit in row["hits"]]
    return Strip(row["prompt_id"], row["prompt"], video, clips)


def _window_key(hit: Row) -> str:
    """Names a window of a clip; the spaces keep it apart from every request id."""
    return f"{hit['content']} @ {hit['start_s']}"
