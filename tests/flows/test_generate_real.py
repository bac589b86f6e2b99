"""The whole chain on real footage with the bundled models: correct, if not beautiful."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.paths import REAL_CLIPS

from data.specs.models import SHAPES
from data.specs.pipeline import EmbedSpec, RetrieveSpec
from engines.base import load_plugin
from engines.video.frames import Resize, Sampling
from flows.generate import generate
from flows.pipeline import pipeline
from flows.report import report
from tasks.generate.spec import build_generate_spec

CORPUS = REAL_CLIPS / "corpus"
PROMPTS = ["a person walks along a street", "an animal in the grass"]

pytestmark = [
    pytest.mark.usefixtures("prefect_backend"),
    pytest.mark.real_clips,
    pytest.mark.timeout(300),
]


def test_real_clips_condition_videos_and_are_shown_beside_them(workspace, tmp_path: Path) -> None:
    pipeline(
        "real", str(CORPUS / "corpus.parquet"), embed_spec=EmbedSpec(model=SHAPES, precision="fp32")
    )
    spec = build_generate_spec(steps=2, precision="fp32", retrieve=RetrieveSpec(k=3))
    made = generate("real", PROMPTS, spec)
    assert (made["done"], made["failed"]) == (2, {})
    rows = pq.read_table(made["table"]).to_pylist()
    for row in rows:
        assert len(row["hits"]) == 3 and row["note"] is None
        assert all(Path(hit["uri"]).is_relative_to(CORPUS) for hit in row["hits"])
        assert frames(Path(made["videos"]).parent / row["file"]).shape == (8, 3, 64, 64)
    without = generate("real", PROMPTS, build_generate_spec(**plain(spec)))
    for row, other in zip(rows, pq.read_table(without["table"]).to_pylist(), strict=True):
        assert row["seed"] == other["seed"] and row["sha256"] != other["sha256"]
    page = Path(report(made["run"], str(tmp_path / "page.html"))["page"]).read_text()
    assert all(hit["video_id"] in page for row in rows for hit in row["hits"])


def plain(spec) -> dict:
    """The same without clips."""
    return spec.model_dump() | {"retrieve": RetrieveSpec(k=0)}


def frames(file: Path) -> np.ndarray:
    shown = Resize(64, width=64)
    found = load_plugin("video.decoders", "pyav").decode_frames(
        str(file), Sampling(every_nth=1), shown
    )
    return np.concatenate([some.pixels for some in found])
