"""kill -9 while questions are answered, then the same again: a row each, no video asked twice."""

import json
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import evidence, golden
from support.commands import Shop

FOLDER = "answers/*"
MOMENTS = [
    ("during", f"{FOLDER}/shards/000001.json"), ("after", f"{FOLDER}/parts/000000/*.json"),
    ("during", f"{FOLDER}/shard-*.parquet"),
    ("during", f"{FOLDER}/answers.parquet"),  # by now they are in tables
]  # fmt: skip


@pytest.mark.timeout(600)
def test_killed_again_and_again_every_question_has_one_row(tmp_path: Path) -> None:
    for n in range(3):
        golden.clip(tmp_path / "videos" / f"v{n}.mp4", frames=6, fps=8)
    rows = [
        {"id": f"{n}-{m}", "video": f"v{n}", "question": f"what {m}?", "options": ["x", "y"],
         "answer": "A"}
        for n in range(4) for m in range(2)
    ]  # fmt: skip
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("answer", str(questions), "--videos", str(tmp_path / "videos"), "--model", "fake",
               "--frames", "2")  # fmt: skip
    shop, kept = Shop(tmp_path, SHARD_SIZE=2), dict[Path, int]()
    for moment in MOMENTS:
        assert shop.run(*command, dies=moment).code == -signal.SIGKILL, moment
        parts = shop.root.glob(f"{FOLDER}/parts/*/[!.]*")  # whole ones
        found = {file: file.stat().st_mtime_ns for file in parts}
        if moment != MOMENTS[-1]:
            assert kept.items() <= found.items(), f"asked twice, at {moment}"
        kept = found
    shop.ok(*command)
    (folder,) = shop.root.glob(FOLDER)
    answers = pq.read_table(folder / "answers.parquet").to_pylist()
    assert [each["question"] for each in answers] == [row["id"] for row in rows]
    assert [each["reason"] for each in answers] == [None] * 6 + ["missing"] * 2
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["counted"], summary["failed"]) == (8, {"missing": 2})
    assert not evidence.partials(shop.root) and not list(folder.glob("parts/*/*"))
