"""Selects videos by a condition, by ids or by a search, and writes them as a file."""

from collections.abc import Sequence
from pathlib import Path

from data.catalog.selected_files import Kind, write_selected
from data.errors import UserError
from data.records import Prompt
from data.specs.retrieve import VIDEO_QUERIES, RetrieveSpec
from data.workspace import Workspace
from tasks.browse.running import choose_embedder
from tasks.outputs import open_output
from tasks.retrieve.leak_files import read_excluded
from tasks.retrieve.retriever import Retriever


def select_videos(
    workspace: Workspace, corpus: str, kind: Kind, out: str, *, where: str | None = None,
    ids: str | None = None, text: str | None = None, video: str | None = None, k: int = 48,
) -> int:  # fmt: skip
    """Writes the videos that meet a condition and have one of the ids; how many rows it wrote.

    `ids` is a file of them; `text` and `video` search for the k best in their place.
    """
    workspace.check_corpus(corpus)
    if sum(each is not None for each in (ids, text, video)) > 1:
        raise UserError("give at most one of --ids, --text and --video")
    wanted: Sequence[str] | None = None
    wheres = [] if where is None else [where]
    if ids is not None:
        wanted = read_excluded(ids)
    elif text is not None or video is not None:
        wanted, wheres = _search(workspace, corpus, text, video, where, k), []
    else:
        with workspace.open_synced_catalog(corpus):
            pass  # what the condition is asked of is as new as the store
    with (
        workspace.select_videos(corpus, wheres, ids=wanted) as videos,
        open_output(out) as file,
    ):
        return write_selected(videos, kind, Path(file))


def _search(
    workspace: Workspace, corpus: str, text: str | None, video: str | None, where: str | None,
    k: int,
) -> list[str]:  # fmt: skip
    retriever = Retriever(workspace, corpus, choose_embedder(workspace))
    changed = {"k": k, "where": where}
    if text is not None:
        spec = RetrieveSpec().model_copy(update=changed)
        hits = retriever.search_prompts([Prompt("0", text)], spec)
    else:
        spec = VIDEO_QUERIES.model_copy(update=changed)
        hits = retriever.search_videos([video or ""], spec)
    return [hit.video_id for hit in hits]
