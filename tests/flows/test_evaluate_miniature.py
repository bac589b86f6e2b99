"""The command as users type it, on the benchmark's real miniature: the values that are known."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.commands import Shop
from support.paths import REAL_CLIPS

CLIPS = REAL_CLIPS / "personalization"
KNOWN = {"car": 0.929060, "cat": 0.970849, "dinosaur_toy": 0.908055, "horse": 0.929995}

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(300),
    pytest.mark.real_clips,
]


def test_the_miniature_is_measured_as_the_benchmark_measures_it(
    tmp_path: Path, served_backend: None
) -> None:
    rows = tmp_path / "out.parquet"
    shop = Shop(tmp_path, RUNNER="ray")
    ended = shop.start_real(
        "evaluate", str(CLIPS), "--layout", "miniature", "--method", "VideoBooth",
        "--metrics", "temporal_consistency", "--num-frames", "all",
        "--per-video", str(rows), "--json",
    ).ended()  # fmt: skip
    assert ended.code == 0, ended.err
    (method,) = json.loads(ended.out)["methods"]
    (mean,) = method["means"]
    assert (method["method"], method["frames"], mean["n"]) == ("VideoBooth", 16, 4)
    found = pq.read_table(rows)
    assert found.column_names == ["clip", "method", "metric", "value", "reason"]
    assert found["method"].to_pylist() == ["VideoBooth"] * 4
    values = dict(zip(found["clip"].to_pylist(), found["value"].to_pylist(), strict=True))
    assert values == pytest.approx(KNOWN, abs=2e-6)
    assert mean["mean"] == pytest.approx(sum(KNOWN.values()) / 4, abs=2e-6)
