"""A pipeline's summary: what each stage did, cost and produced."""

from pathlib import Path

import pytest

from tasks.host_tally import HostsGone
from tasks.ui.pipeline_summary import PipelineSummary, format_stage, open_summary, render_summary

INGEST = {
    "rows": 9,
    "new": 6,
    "changed": 1,
    "unchanged": 1,
    "failed": {"missing": 1},
    "took_s": 2.0,
}
EMBED = {"done": 7, "failed": {}, "bottleneck": "decode-bound", "took_s": 60.0, "gpu_hours": 0.5,
         "cost": 1.25}  # fmt: skip
MEANS = [{"label": "Motion", "mean": 0.51234}, {"label": "Face", "mean": None}]
METHOD = {"videos": 5, "dropped": 1, "failed": 1, "means": MEANS}
INDEX = {"version": "v0002", "count": 7, "recall_at_10": {"video_recall_at_10": 1.0}, "took_s": 3.0}


@pytest.mark.parametrize(
    ("stage", "said", "line"),
    [
        ("ingest", INGEST, "7 done, 1 failed in 2.0 s (3.5 videos/s): 9 rows, 1 unchanged"),
        ("embed", EMBED, "7 done in 1:00 (8.6 s/video): decode-bound"),
        ("embed", EMBED | {"model": "ViT-B-32 bf16"},
         "7 done in 1:00 (8.6 s/video): decode-bound; model ViT-B-32 bf16"),
        ("pool", {"shards": 3, "took_s": 0.5}, "done in 0.5 s: 3 shards pooled"),
        ("index", INDEX, "7 done in 3.0 s: v0002 of 7 videos, video recall@10 1.000"),
        ("index", {"version": "v0002", "new": 0, "took_s": 0.1}, "0 done in 0.1 s: unchanged"),
        ("evaluate", {"methods": [METHOD], "took_s": 9.0},
         "3 done, 1 failed in 9.0 s: Motion 0.512"),
    ],
)  # fmt: skip
def test_a_stage_is_a_line(stage: str, said: dict, line: str) -> None:
    assert format_stage(stage, said) == line


def test_the_table_adds_up_hours_and_cost_and_links_the_report() -> None:
    report = {"page": Path("/out/report.html"), "videos": 3, "took_s": 1.0}
    generated = {"run": "ab", "requests": 3, "done": 3, "failed": {}, "took_s": 30.0,
                 "gpu_hours": 0.25, "cost": 0.625}  # fmt: skip
    shown = render_summary(
        PipelineSummary("c", {"embed": EMBED, "generate": generated, "report": report})
    )
    assert "| stage | took | done | failed | rate | GPU-hours | cost | result |" in shown
    assert "| embed | 1:00 | 7 | 0 | 8.6 s/video | 0.50 | 1.25 | decode-bound |" in shown
    assert "| **total** | 1:31 |  |  |  | 0.75 | 1.88 |  |" in shown
    assert "Report: `/out/report.html`" in shown


def test_failures_are_counted_by_reason_and_their_examples_are_a_click_away() -> None:
    failed = {"missing": 1, "undecodable": 4}
    shown = render_summary(PipelineSummary("c.d", {"ingest": INGEST | {"failed": failed}}))
    assert "Failed in ingest: 4 undecodable, 1 missing" in shown
    assert "(/artifacts/key/ingest-failures-table-c-d)" in shown
    assert "Failed" not in render_summary(PipelineSummary("c", {"embed": EMBED}))


def test_without_a_price_there_is_no_column_of_costs() -> None:
    assert "cost" not in render_summary(PipelineSummary("c", {"ingest": INGEST}))


def test_a_stage_that_fails_says_why_and_raises() -> None:
    def fails() -> dict:
        raise ValueError("no | room")

    with pytest.raises(ValueError, match="room"), open_summary("c") as summary:
        summary.run_stage("ingest", lambda: dict(INGEST))
        summary.run_stage("embed", fails)
    assert "| embed |  |  |  |  | **failed**: no \\| room |" in render_summary(summary)
    assert list(summary.stages) == ["ingest"]


def test_stages_after_a_host_that_is_gone_still_run_and_the_run_fails_at_its_end() -> None:
    def embed() -> dict:
        said = {"done": 3, "failed": {}, "bottleneck": ""}
        raise HostsGone("all 12 rows of https://a failed", said)

    ran = []
    with pytest.raises(HostsGone, match="12 rows"), open_summary("c") as summary:
        assert summary.run_stage("embed", embed)["done"] == 3
        summary.run_stage("pool", lambda: ran.append("pool") or {"shards": 1})
    assert ran == ["pool"] and list(summary.stages) == ["embed", "pool"]
    assert "12 rows" in summary.error
