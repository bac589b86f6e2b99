"""Contact sheets on the page of a flow run: videos ingested, clips retrieved, videos generated."""

import base64
import io
import logging
from collections.abc import Callable
from itertools import groupby, islice
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext

from data.catalog.database import load_sql
from data.records import Hit
from data.runs.generations import Run, read_generations
from data.workspace import Workspace
from engines.report.contact_sheet import FRAME_HEIGHT, MAX_FRAME_WIDTH, draw_sheet
from engines.report.generation import RunView
from engines.report.mosaic import Strip, draw_mosaic
from engines.report.stills import extract_stills
from engines.video.frames import Sampling
from tasks.artifact_key import artifact_key
from tasks.report.run import page_path, withdrawn_contents
from tasks.signed_links import restore_link
from tasks.workers import build_probe_setup

if TYPE_CHECKING:
    from PIL.Image import Image

WITHIN_S = 3.0  # of decoding, after which the rest of the sheet stays blank
MAX_BYTES = 140_000  # of the picture; as text in Prefect's database it is a third more
FRAMES_PER_VIDEO, HITS_PER_PROMPT = 3, 5
FRAME = (FRAME_HEIGHT, MAX_FRAME_WIDTH)
QUALITIES = (85, 70, 55, 40)  # of JPEG, tried in turn

log = logging.getLogger(__name__)


def show_videos(kind: str, workspace: Workspace, corpus: str) -> None:
    """Shows the newest videos of a corpus, except those of fake sources."""

    def draw() -> "Image | None":
        # Another host may have withdrawn one of them.
        with workspace.open_synced_catalog(corpus) as catalog:
            values = {"corpus": corpus, "count": workspace.settings.pictured}
            rows = catalog.query_rows(load_sql("newest_videos"), **values)
        requests = {
            row["id"]: (restore_link(row["id"], row["uri"]), _spread_frames(row["duration"]))
            for row in rows
        }
        stills = extract_stills(requests, FRAME, build_probe_setup(workspace.settings), WITHIN_S)
        blanks = FRAMES_PER_VIDEO * [None]
        strips = [
            Strip(row["id"], row["caption"] or "", (stills[row["id"]] + blanks)[: len(blanks)], [])
            for row in rows
        ]
        return draw_mosaic(strips, FRAME) if any(stills.values()) else None

    _publish_sheet(workspace, kind, corpus, f"the newest videos of {corpus}", draw)


def show_hits(workspace: Workspace, corpus: str, table: str) -> None:
    """Shows the first prompts of a table of hits, with a frame of each retrieved clip."""

    def draw() -> "Image | None":
        # The first row group is enough: `retrieve_prompts` writes one per 256 prompts.
        first_rows = (Hit(**row) for row in pq.ParquetFile(table).read_row_group(0).to_pylist())
        by_prompt = groupby(first_rows, key=lambda hit: (hit.prompt_id, hit.prompt))
        rows = [(prompt, list(islice(group, HITS_PER_PROMPT))) for prompt, group in by_prompt]
        rows = rows[: workspace.settings.pictured]
        hits = [hit for _, group in rows for hit in group if not hit.uri.startswith("fake://")]
        # A second in: first frames are often black.
        second = Sampling(None, 1.0, start_s=1.0, count=1)
        requests = {hit.uri: (restore_link(hit.video_id, hit.uri), second) for hit in hits}
        stills = extract_stills(requests, FRAME, build_probe_setup(workspace.settings), WITHIN_S)
        strips = [
            Strip(id, text, [], [next(iter(stills.get(hit.uri, ())), None) for hit in group])
            for (id, text), group in rows
        ]
        return draw_mosaic(strips, FRAME) if any(stills.values()) else None

    about = f"the best clips of {corpus} for the first prompts"
    _publish_sheet(workspace, "retrieve", corpus, about, draw)


def show_generated(workspace: Workspace, run: Run) -> None:
    """Shows the first videos of a generation run, beside the clips that conditioned them."""

    def draw() -> "Image | None":
        done = (row for row in read_generations(workspace.store, run) if row["reason"] is None)
        rows = list(islice(done, workspace.settings.pictured))
        withdrawn = withdrawn_contents(workspace, run.corpus)
        setup = build_probe_setup(workspace.settings)
        view = RunView(workspace.store, run, page_path(workspace, run.folder), withdrawn)
        return draw_sheet(view, rows, setup, WITHIN_S) if rows else None

    about = f"videos of run {run.fingerprint}, beside the clips that conditioned them"
    _publish_sheet(workspace, "generate", run.corpus, about, draw)


def _publish_sheet(
    workspace: Workspace, kind: str, corpus: str, about: str, draw: Callable[[], "Image | None"]
) -> None:
    """Publishes a sheet as an artifact; a run does not fail because of a picture.

    The picture is inside Markdown: Prefect's UI would print the address of an image artifact, which
    here is the whole picture.
    """
    if FlowRunContext.get() is None or not workspace.settings.pictured:
        return
    try:
        if picture := draw():
            encoded = base64.b64encode(_encode_jpeg(picture)).decode()
            key = artifact_key(f"{kind}-sheet", corpus)
            create_markdown_artifact(f"![{about}](data:image/jpeg;base64,{encoded})", key, about)
    except Exception as error:
        log.warning("no contact sheet of %s: %s", corpus, error)


def _spread_frames(duration: float | None) -> Sampling:
    """Samples the first, the middle and the last frame of a video of so many seconds."""
    return Sampling(
        None, (FRAMES_PER_VIDEO - 1) / duration if duration else 1.0, count=FRAMES_PER_VIDEO
    )


def _encode_jpeg(picture: "Image") -> bytes:
    """Encodes a picture with the best quality that fits into `MAX_BYTES`."""
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() <= MAX_BYTES:
            break
    return out.getvalue()
