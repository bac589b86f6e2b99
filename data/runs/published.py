"""Published results of a benchmark: the tables of papers, with the settings they were made in."""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

BENCHMARK = "msrvtt-personalization"
MODES = ("subject", "face")
CLIP_COUNTS = {"subject": 1736, "face": 1285}  # of the lists (arXiv 2501.06187, section 4)
# In the order of columns; all are better the higher they are.
LABELS = {
    "text_clip_similarity": "Text-S",
    "video_clip_similarity": "Vid-S",
    "subject_dino_similarity": "Subj-S",
    "arcface_similarity": "Face-S",
    "dynamic_degree": "Dync-D",
    "temporal_consistency": "T-Cons",
    "quality_preference": "Quality",
    "fidelity_preference": "Fidelity",
}
MOTION = "motion"  # the mode of MotionRAG's table, which is of no benchmark's lists
ACTION = "action_score"
MOTION_LABELS = {
    ACTION: "Action", "dino_similarity": "DINO", "fvd": "FVD", "seconds": "seconds a clip",
}  # fmt: skip
LOWER_IS_BETTER = {"fvd", "seconds"}
# Benchmarks of answers, with how many questions their published scores are of.
QUESTION_COUNTS = {"video-mme": 2700, "mlvu": 2175, "longvideobench": 1337}
ANSWER_LABELS = {
    "overall": "overall", "short": "short", "medium": "medium", "long": "long",
    "macro": "mean of task types",
}  # fmt: skip
COLUMNS = LABELS | ANSWER_LABELS  # in the order of a table's columns


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A method's means by metric; None for what the source does not say of its videos.

    `texts` says from which texts questions were answered, as "retrieved: screen, speech".
    """

    method: str
    scores: dict[str, float]
    kind: str | None = None
    size: str | None = None
    frames: int | None = None
    fps: float | None = None
    texts: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table of one source, made under one setting.

    `references` is the number of conditioning images per clip, `background` whether one more shows
    the background. `standard` marks the benchmark's own setting of the mode.
    """

    title: str
    mode: str
    references: str | None
    background: bool | None
    source: str
    rows: tuple[PublishedRow, ...]
    standard: bool = False
    note: str | None = None


def read_published_tables(mode: str) -> list[PublishedTable]:
    """The published tables of a mode, the benchmark's own first."""
    files = resources.files("data.runs").joinpath("published").iterdir()
    # Sorted, as a folder's order differs between file systems and tables must not.
    texts = (f.read_text("utf-8") for f in sorted(files, key=str) if f.name.endswith(".json"))
    tables = [_parse_table(table) for text in texts for table in json.loads(text)["tables"]]
    # Stable: below the standard table the files' order remains.
    return sorted((t for t in tables if t.mode == mode), key=lambda table: not table.standard)


def list_columns(table: PublishedTable) -> list[tuple[str, str, str]]:
    """Metric, heading and good direction, "higher" or "lower", of each that any row has."""
    measured = {metric for row in table.rows for metric in row.scores}
    return [
        (metric, label, "lower" if metric in LOWER_IS_BETTER else "higher")
        for metric, label in (COLUMNS | MOTION_LABELS).items()
        if metric in measured
    ]


def _parse_table(table: dict[str, Any]) -> PublishedTable:
    return PublishedTable(**table | {"rows": tuple(PublishedRow(**row) for row in table["rows"])})
