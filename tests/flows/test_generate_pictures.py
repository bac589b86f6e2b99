"""What a model that starts from a picture used, as provenance and withdrawals have it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image
from support import tiny_pipelines
from support.corpora import FAKE

from data.specs.pipeline import GenerateSpec, RetrieveSpec
from flows.generate import generate
from flows.pipeline import pipeline
from tasks.generate.provenance import read_provenance

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.mark.slow
def test_only_what_was_used_is_recorded_shown_and_withdrawn(
    workspace, clips: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline("c", str(clips), embed_spec=FAKE)
    tiny_pipelines.ltx().save_pretrained(tmp_path / "ltx")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "own.png")
    rows = [{"id": "own", "txt": "a red ball", "image": "own.png"}, {"id": "hit", "txt": "blue"}]
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("\n".join(map(json.dumps, rows)))
    spec = GenerateSpec(
        engine="diffusers", base=str(tmp_path / "ltx"), precision="fp32", width=32, height=32,
        frames=9, steps=1, retrieve=RetrieveSpec(k=3, dedup=1.01),
    )  # fmt: skip
    made = generate("c", str(prompts), spec)
    assert (made["done"], made["short_of_clips"]) == (2, 0)
    own, hit = pq.read_table(made["table"]).to_pylist()
    image = str(tmp_path / "own.png")
    assert (own["image"], own["hits"]) == (image, [])
    assert hit["image"] is None
    assert [(each["rank"], each["weight"]) for each in hit["hits"]] == [(1, 1.0)]

    best, others = hit["hits"][0]["video_id"], {f"clip-{n}" for n in range(4)}
    influenced = read_provenance(workspace, best)["influenced"]
    assert [each["request_id"] for each in influenced] == ["hit"]
    for video in others - {best}:
        assert read_provenance(workspace, video)["influenced"] == []
    [shown] = read_provenance(workspace, "own")["outputs"]
    assert (shown["image"], shown["video_id"]) == (image, None)

    prompts.write_text(json.dumps(rows[0]))
    with caplog.at_level("INFO"):
        generate("c", str(prompts), spec)
    assert any("no clip conditioned" in line for line in caplog.messages)
