"""The videos whose motion is taken as it is: files, or videos of the corpus."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from data.catalog.database import load_sql
from data.errors import UserError
from data.records import Prompt, Source
from data.specs.motion import MotionSpec
from data.specs.pipeline import GenerateSpec
from data.workspace import Workspace
from engines.embed.weights import digest_file

MOTION_SOURCE = "motion_source"  # among a run's digests


def name_source(spec: MotionSpec, prompt: Prompt) -> str:
    """The file or id whose motion a prompt's video takes; empty where its column is."""
    return spec.source or prompt.find_value(spec.source_column or "") or ""


def digest_motion_sources(
    workspace: Workspace, corpus: str, spec: GenerateSpec, prompts: Sequence[Prompt]
) -> str:
    """The identity of their bytes, of each prompt its own; a UserError where none is found."""
    named = {prompt.id: name_source(spec.motion, prompt) for prompt in prompts}
    found = find_motion_sources(workspace, corpus, {*named.values()} - {""})
    if not found:
        first = next(filter(None, named.values()), "")
        raise UserError(
            f"no file and no video of {corpus} {first!r}: name one with --motion-from, or each"
            " prompt's own in the column that --motion-column names"
        )
    if spec.motion.source is not None:
        return found[spec.motion.source].content
    lines = [f"{id} {found[name].content}" for id, name in sorted(named.items()) if name in found]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def find_motion_sources(
    workspace: Workspace, corpus: str, names: Iterable[str]
) -> dict[str, Source]:
    """Each as the only clip of a request, by its name, but those that are not found.

    They are files, or videos of the corpus that may be shown.
    """
    # A file wins over an id: whoever types a path means the file.
    files = {name for name in names if Path(name).is_file()}
    # Its seconds, which place windows, are not known.
    found = {
        name: Source(1, Path(name).name, f"sha256:{digest_file(name)}", 1.0, _absolute(name))
        for name in sorted(files)
    }
    ids = sorted({*names} - files)
    return found | (_find_videos(workspace, corpus, ids) if ids else {})


def _absolute(name: str) -> str:
    return str(Path(name).absolute())


def _find_videos(workspace: Workspace, corpus: str, ids: list[str]) -> dict[str, Source]:
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.query_rows(load_sql("shown_videos"), corpus=corpus, ids=ids)
        known = catalog.execute(load_sql("source_videos"), corpus=corpus, ids=ids)
    located = {row["id"]: row["uri"] for row in rows if row["uri"] is not None}
    return {
        id: Source(1, id, content, 1.0, located[id], duration=duration)
        for id, content, duration, _ in known
        if id in located
    }
