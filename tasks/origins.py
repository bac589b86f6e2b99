"""Where a corpus's videos come from, and whether its model can know what they show."""

from data.catalog.database import load_sql
from data.shards.stages import current_stage, read_spec
from data.specs.models import REAL, SHAPES
from data.specs.pipeline import EmbedSpec
from data.store import layout
from data.workspace import Workspace
from tasks.progress import notify


def count_origins(workspace: Workspace, corpus: str) -> dict[str, int]:
    """The number of a corpus's videos that are `fake`, `drawn` by the demo, and `real`."""
    if not workspace.store.list_names(layout.videos_folder(corpus)):
        return {}
    with workspace.open_synced_catalog(corpus) as catalog:
        return dict(catalog.execute(load_sql("video_origins"), corpus=corpus))


def find_origin(source: str) -> str:
    """The origin of a source's videos, as far as its name tells."""
    return "fake" if source.startswith("fake://") else "real"


def describe_mismatch(workspace: Workspace, corpus: str) -> str | None:
    """A warning where real footage is embedded by the bundled model, which knows shapes only."""
    stage = current_stage(workspace.store, corpus, "embed")
    spec = read_spec(workspace.store, stage, EmbedSpec) if stage else None
    if spec is None or spec.engine != "open_clip" or spec.model != SHAPES:
        return None
    real = count_origins(workspace, corpus).get("real", 0)
    if not real:
        return None
    return (
        f"warning: {real:,} videos of {corpus} are real footage, embedded by {SHAPES}, which knows"
        f" coloured shapes only: scores mean nothing; `reelflow run {corpus} --model {REAL}` or"
        f" `reelflow run {corpus} --engine tags` embeds them anew"
    )


def warn_of_mismatch(workspace: Workspace, corpus: str) -> None:
    """Sends the warning of `describe_mismatch`, if there is one, to log and terminal."""
    if warning := describe_mismatch(workspace, corpus):
        notify(warning)
