"""Contact sheets on the page of a flow run: what came in, what was found, what was made."""

import base64
import io
import logging
from collections.abc import Callable
from itertools import groupby, islice
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext

from data.catalog.database import sql
from data.records import Hit
from data.runs.generations import Run, generations
from data.workspace import Workspace
from engines.report.contact_sheet import HIGH, WIDEST, sheet_of
from engines.report.generation import Shown
from engines.report.mosaic import Strip, mosaic
from engines.report.stills import stills
from engines.video.frames import Sampling
from tasks.report.run import gone, page_path
from tasks.ui.artifacts import key_of

if TYPE_CHECKING:
    from PIL.Image import Image

WITHIN_S = 3.0  # of decoding: the rest of the sheet stays blank
MOST_BYTES = 140_000  # of the picture; as text in Prefect's database it is a third more
FRAMES, HITS = 3, 5  # of a video; of a prompt
QUALITIES = (85, 70, 55, 40)

log = logging.getLogger(__name__)


def show_videos(kind: str, workspace: Workspace, corpus: str) -> None:
    """The newest videos of a corpus, those of fake sources aside."""

    def sheet() -> "Image | None":
        with workspace.catalog() as catalog:
            values = {"corpus": corpus, "count": workspace.settings.pictured}
            rows = catalog.rows(sql("newest_videos"), **values)
        asked = {row["id"]: (row["uri"], _spread(row["duration"])) for row in rows}
        found = stills(asked, (HIGH, WIDEST), workspace.settings, WITHIN_S)
        blank = FRAMES * [None]
        strips = [
            Strip(row["id"], row["caption"] or "", (found[row["id"]] + blank)[:FRAMES], [])
            for row in rows
        ]
        return mosaic(strips, (HIGH, WIDEST)) if any(found.values()) else None

    _show(workspace, kind, corpus, f"the newest videos of {corpus}", sheet)


def show_hits(workspace: Workspace, corpus: str, hits: str) -> None:
    """The first prompts of a table of hits, with a frame of each clip that was found."""

    def sheet() -> "Image | None":
        found = (Hit(**row) for row in pq.ParquetFile(hits).read_row_group(0).to_pylist())
        asked = groupby(found, key=lambda hit: (hit.prompt_id, hit.prompt))
        rows = [(prompt, list(islice(some, HITS))) for prompt, some in asked]
        rows = rows[: workspace.settings.pictured]
        uris = {hit.uri for _, some in rows for hit in some if not hit.uri.startswith("fake://")}
        first = {uri: (uri, Sampling(None, 1.0, start_s=1.0, count=1)) for uri in sorted(uris)}
        seen = stills(first, (HIGH, WIDEST), workspace.settings, WITHIN_S)
        strips = [
            Strip(id, text, [], [next(iter(seen.get(hit.uri, ())), None) for hit in some])
            for (id, text), some in rows
        ]
        return mosaic(strips, (HIGH, WIDEST)) if any(seen.values()) else None

    _show(workspace, "retrieve", corpus, f"the best of {corpus} for the first prompts", sheet)


def show_made(workspace: Workspace, run: Run) -> None:
    """The first videos of a run of generation, beside the clips that they follow."""

    def sheet() -> "Image | None":
        made = (row for row in generations(workspace.store, run) if row["reason"] is None)
        rows = list(islice(made, workspace.settings.pictured))
        shown = Shown(
            workspace.store, run, page_path(workspace, run.folder), gone(workspace, run.corpus)
        )
        return sheet_of(shown, rows, workspace.settings, WITHIN_S) if rows else None

    about = f"videos, and right of them the clips that they follow, of run {run.fingerprint}"
    _show(workspace, "generate", run.corpus, about, sheet)


def _show(
    workspace: Workspace, kind: str, corpus: str, about: str, sheet: Callable[[], "Image | None"]
) -> None:
    """The sheet as an artifact; a run does not fail for want of a picture.

    In Markdown: of an image Prefect's UI would write out the address, which is all of it.
    """
    if FlowRunContext.get() is None or not workspace.settings.pictured:
        return
    try:
        if picture := sheet():
            coded = base64.b64encode(_jpeg(picture)).decode()
            key = key_of(f"{kind}-sheet", corpus)
            create_markdown_artifact(f"![{about}](data:image/jpeg;base64,{coded})", key, about)
    except Exception as error:
        log.warning("no contact sheet of %s: %s", corpus, error)


def _spread(duration: float | None) -> Sampling:
    """The first, the middle and the last frame."""
    return Sampling(None, (FRAMES - 1) / duration if duration else 1.0, count=FRAMES)


def _jpeg(picture: "Image") -> bytes:
    """As good as fits."""
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() <= MOST_BYTES:
            break
    return out.getvalue()
