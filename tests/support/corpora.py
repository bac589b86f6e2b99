"""Small corpora that flow tests share."""

import json
from pathlib import Path
from typing import Any

from data.catalog.coverage import compute_coverage, list_failures
from data.specs.pipeline import EmbedSpec, GenerateSpec, RetrieveSpec
from data.workspace import Workspace

FAKE = EmbedSpec(engine="fake", every_nth=1)
FAKE_VIDEOS = GenerateSpec(
    engine="fake", width=32, height=16, frames=3, fps=4, retrieve=RetrieveSpec(k=3)
)
PROMPTS = ["a red circle", "a blue star", "green goes up"]


def table(folder: Path, rows: list[dict[str, Any]]) -> str:
    """A JSON Lines source."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def videos(workspace: Workspace, corpus: str, stage: str) -> dict[str, int]:
    """The counts of a stage, as `status` has them."""
    with workspace.open_catalog() as catalog:
        return compute_coverage(catalog, workspace.store, corpus)["stages"][stage]["videos"]


def reasons(workspace: Workspace, corpus: str) -> dict[str | None, str]:
    """Why each failed id failed."""
    with workspace.open_catalog() as catalog:
        return {row["id"]: row["reason"] for row in list_failures(catalog, workspace.store, corpus)}


def counts(total: int, done: int, failed: int = 0) -> dict[str, int]:
    """As `videos` gives them."""
    return {"total": total, "done": done, "failed": failed, "missing": total - done - failed}
