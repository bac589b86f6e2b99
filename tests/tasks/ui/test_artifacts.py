"""How figures read on the page of a run."""

from pathlib import Path

import pytest
from prefect.types.names import ArtifactKey
from pydantic import TypeAdapter

from tasks.artifact_key import artifact_key
from tasks.ui.artifacts import format_cell, format_figure, format_label


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("seconds", 0.42, "0.4 s"),
        ("seconds", 42.4, "42 s"),
        ("took_s", 3725.0, "1:02:05"),
        ("gpu_hours", 0.0, "0.00"),
        ("gpu_hours", 0.004, "<0.01"),
        ("cost", 1234.5, "1,234.50"),
        ("busy", {"read": 0.071, "model": 1.0}, "read 7%, model 100%"),
        ("failed", {"missing": 1200, "empty": 1}, "1,200 missing, 1 empty"),
        ("failed", {}, "none"),
        ("stopped", None, "–"),
        ("where", "a = 1 | b", "a = 1 \\| b"),
        ("frames_per_second", 2.345678, "2.35"),
        ("removed", False, "no"),
        ("canary", 0.99996, "1.0000"),
        ("recall_at_10", {"text_recall_at_10": 0.9876}, "text recall@10 0.988"),
        ("out", "s3://bucket/hits.parquet", "`s3://bucket/hits.parquet`"),
        ("page", "https://host/a/page.html", "[page.html](https://host/a/page.html)"),
        ("page", Path("/a b/page.html"), "`/a b/page.html`"),
    ],
)
def test_a_figure_in_a_table_reads(key: str, value: object, read: str) -> None:
    assert format_cell(key, value) == read


def test_in_a_terminal_a_file_is_its_path_and_nothing_is_escaped() -> None:
    assert format_figure("page", Path("/a b/page.html")) == "/a b/page.html"
    assert format_figure("where", "a = 1 | b") == "a = 1 | b"


def test_a_figure_has_a_name() -> None:
    assert [format_label(key) for key in ("gpu_hours", "short_of_clips")] == [
        "GPU-hours",
        "short of clips",
    ]


@pytest.mark.parametrize("subject", ["shapes", "a_b.c", "trial/grainy", "s3://b/*.mp4", "Ünï 視頻"])
def test_an_artifact_of_any_subject_has_a_key_that_prefect_takes(subject: str) -> None:
    key = artifact_key("refine-table", subject)
    assert TypeAdapter(ArtifactKey).validate_python(key).startswith("refine-table-")
    assert artifact_key("refine", "a_b.c") == "refine-a-b-c"
