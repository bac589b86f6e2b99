"""What others published of a benchmark: their tables, and under which settings they were made."""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

BENCHMARK = "msrvtt-personalization"
MODES = ("subject", "face")
CLIPS = {"subject": 1736, "face": 1285}  # of the benchmark's lists (arXiv 2501.06187, section 4)
LABELS = {
    "text_clip_similarity": "Text-S",
    "video_clip_similarity": "Vid-S",
    "subject_dino_similarity": "Subj-S",
    "arcface_similarity": "Face-S",
    "dynamic_degree": "Dync-D",
    "temporal_consistency": "T-Cons",
    "quality_preference": "Quality",
    "fidelity_preference": "Fidelity",
}  # in the order of columns; all are better the higher they are


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A method's means by metric; what is not known of its videos is None."""

    method: str
    scores: dict[str, float]
    kind: str | None = None
    size: str | None = None
    frames: int | None = None
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table of one source, made under one setting.

    `references` are the conditioning images a clip, `background` says whether one more shows the
    background. `standard` is the benchmark's own setting of the mode.
    """

    title: str
    mode: str
    references: str | None
    background: bool | None
    source: str
    rows: tuple[PublishedRow, ...]
    standard: bool = False
    note: str | None = None


def published(mode: str) -> list[PublishedTable]:
    """The tables of a mode, the benchmark's own first."""
    files = resources.files("data.runs").joinpath("published").iterdir()
    texts = (f.read_text("utf-8") for f in sorted(files, key=str) if f.name.endswith(".json"))
    tables = [_table(said) for text in texts for said in json.loads(text)["tables"]]
    return sorted((t for t in tables if t.mode == mode), key=lambda table: not table.standard)


def _table(said: dict[str, Any]) -> PublishedTable:
    return PublishedTable(**said | {"rows": tuple(PublishedRow(**row) for row in said["rows"])})
