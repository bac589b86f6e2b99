"""What an evaluation leaves for others to read."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data.errors import UserError
from data.runs.evaluations import Mean, MethodResult, Summary
from data.store import tables
from tasks.evaluate.exports import PER_VIDEO, build_reference, write_per_video, write_reference

ID = "0123456789ab"


def mean(metric: str, value: float | None) -> Mean:
    return Mean(metric, metric, "higher", 1, 0, value, value, value)


def summary(*methods: str) -> Summary:
    means = (mean("dynamic_degree", 0.5), mean("dynamic_degree_flow", 0.1),
             mean("temporal_consistency", 0.96), mean("arcface_similarity", None))  # fmt: skip
    results = tuple(MethodResult(method, 2, 1, 0, means, {}) for method in methods)
    return Summary(ID, "now", "s", None, None, {}, {}, {}, results)


def test_the_flat_file_has_the_published_keys_and_only_these(tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    write_reference(summary("A"), str(path))
    assert path.read_text() == (
        '{\n    "dynamic_degree_score": 0.5,\n    "temporal_consistency_score": 0.96\n}'
    )
    assert json.loads(path.read_text()) == build_reference(summary("A").methods[0])
    write_reference(summary("B"), str(path))  # over its own kind


def test_the_flat_file_is_written_over_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    for content in ("[1, 2]", '{"temporal_consistency_score": 1, "mine": 2}', "not json"):
        path.write_text(content)
        with pytest.raises(UserError, match="another file"):
            write_reference(summary("A"), str(path))
        assert path.read_text() == content
    with pytest.raises(UserError, match="--method"):
        write_reference(summary("A", "B"), str(tmp_path / "new.json"))


def test_rows_a_video_are_those_of_whole_videos_and_of_failed_ones(
    workspace, tmp_path: Path
) -> None:
    whole = {"id": "b", "clip": "b", "method": "A", "metric": "dynamic_degree", "value": 1.0}
    measures = [whole, whole | {"subject": "cat", "value": 0.2}]
    videos = [
        {"id": "a", "clip": "a", "method": "A", "reason": "undecodable", "detail": "torn"},
        {"id": "b", "clip": "b", "method": "A"},
    ]
    folder = f"evaluations/{ID}"
    tables.write_rows(workspace.store, f"{folder}/scores.parquet", tables.MEASURES, measures)
    tables.write_rows(workspace.store, f"{folder}/videos.parquet", tables.EVALUATED_VIDEOS, videos)
    path = tmp_path / "new" / "rows.parquet"
    write_per_video(workspace.store, summary("A"), str(path))
    table = pq.read_table(path)
    assert table.schema.equals(PER_VIDEO)
    rows = table.to_pylist()
    assert [(r["clip"], r["metric"], r["value"], r["reason"]) for r in rows] == [
        ("a", "arcface_similarity", None, "undecodable: torn"),
        ("a", "dynamic_degree", None, "undecodable: torn"),
        ("a", "dynamic_degree_flow", None, "undecodable: torn"),
        ("a", "temporal_consistency", None, "undecodable: torn"),
        ("b", "dynamic_degree", 1.0, None),
    ]
