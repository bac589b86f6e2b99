"""The video whose motion all of a run's videos take: a file, or a video of the corpus."""

from pathlib import Path

from data.catalog.database import load_sql
from data.errors import UserError
from data.records import Source
from data.runs.generations import Run
from data.specs.pipeline import GenerateSpec
from data.workspace import Workspace
from engines.embed.weights import digest_file

MOTION_SOURCE = "motion_source"  # among a run's digests


def digest_motion_source(workspace: Workspace, corpus: str, spec: GenerateSpec) -> str:
    """The identity of its bytes; a UserError where it is neither a file nor in the corpus."""
    return _find(workspace, corpus, spec)[2]


def find_motion_source(workspace: Workspace, run: Run) -> Source:
    """It as the only clip of a request."""
    id, uri, content, duration = _find(workspace, run.corpus, run.spec)
    return Source(1, id, content, 1.0, uri, duration=duration)


def _find(
    workspace: Workspace, corpus: str, spec: GenerateSpec
) -> tuple[str, str, str, float | None]:
    """Its id, location, content and seconds, which start windows where they are not known."""
    name = spec.motion.source or ""
    # A file wins over an id: whoever types a path means the file.
    if Path(name).is_file():
        return Path(name).name, str(Path(name).absolute()), f"sha256:{digest_file(name)}", None
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.query_rows(load_sql("shown_videos"), corpus=corpus, ids=[name])
        known = catalog.execute(load_sql("source_videos"), corpus=corpus, ids=[name])
    if not rows or rows[0]["uri"] is None:
        raise UserError(f"no file and no video of {corpus} {name!r}: name one with --motion-from")
    _, content, duration, _ = known[0]
    return name, rows[0]["uri"], content, duration
