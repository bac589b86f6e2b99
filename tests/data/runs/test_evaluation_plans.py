"""The record of an evaluation, and its items as lists hold them."""

from dataclasses import asdict

from data.runs.evaluation_plans import Evaluation, read_evaluated, read_target, record_evaluation
from data.runs.evaluations import GroundTruthRef, Target
from data.shards.receipts import Receipt, Seconds, write_receipt
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import EmbedSpec
from data.store.storage import Store


def target(id: str) -> Target:
    truth = GroundTruthRef("official", "/truth", id)
    return Target(id, id, "m", f"/v/{id}.mp4", "ab", {"prompt": f"a {id}"}, truth)


def test_a_target_is_read_as_it_was_written() -> None:
    assert read_target(asdict(target("../a"))) == target("../a")


def test_the_newest_row_of_a_target_counts(tmp_path) -> None:
    store = Store(str(tmp_path))
    for shard, rows in (("000000", {"a": "timeout", "b": None}), ("000001", {"a": None})):
        found = tuple({"id": id, "reason": reason} for id, reason in rows.items())
        write_receipt(store, "e", Receipt(shard, 1, "1", found, Seconds()))
    assert {id: row["reason"] for id, row in read_evaluated(store, "e").items()} == {
        "a": None, "b": None,
    }  # fmt: skip


def test_the_record_is_written_once_and_names_no_path_of_weights(tmp_path) -> None:
    store = Store(str(tmp_path))
    clip = EmbedSpec(model="ViT-B-32", weights="/w/clip.pt")
    spec = EvaluateSpec(weights={"raft": "/w/raft.pth"}, clip=clip)
    asked = Evaluation("/s", None, None, spec, (target("a"),), {"temporal_consistency": "1"}, {})
    first = record_evaluation(store, asked)
    assert "/w/" not in str(first)
    assert first["evaluation"] == asked.fingerprint
    moved = Evaluation("/t", None, None, spec, (target("a"),), {"temporal_consistency": "1"}, {})
    assert record_evaluation(store, moved) == first
