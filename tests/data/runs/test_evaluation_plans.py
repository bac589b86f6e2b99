"""Written lists and receipts of evaluations: what is done, and what is tried again."""

from data.runs.evaluation_plans import (
    Evaluation,
    Log,
    finish,
    read_log,
    read_targets,
    record,
    unfinished,
    write_targets,
)
from data.runs.evaluations import Target, TruthRef
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import EmbedSpec
from data.store.storage import Store


def target(id: str) -> Target:
    truth = TruthRef("official", "/truth", id)
    return Target(id, id, "m", f"/v/{id}.mp4", "ab", {"prompt": f"a {id}"}, truth)


def row(id: str, reason: str | None = None) -> dict:
    return {"id": id, "reason": reason}


def test_a_list_is_read_as_it_was_written(tmp_path) -> None:
    store = Store(str(tmp_path))
    write_targets(store, "e", "000000", [target("../a"), target("b")])
    assert read_targets(store, "e", "000000") == [target("../a"), target("b")]


def test_a_shard_is_done_with_its_receipt_unless_a_machine_may_have_been_at_fault(tmp_path) -> None:
    store = Store(str(tmp_path))
    for shard, reason in (("a", None), ("b", "undecodable"), ("c", "timeout"), ("d", "crashed")):
        write_targets(store, "e", shard, [target("x")])
        finish(store, "e", Log(shard, (row("x", reason), row("y"))), [])
    write_targets(store, "e", "f", [target("x")])
    assert unfinished(store, "e") == ["c", "d", "f"]
    assert read_log(store, "e", "b").rows == (row("x", "undecodable"), row("y"))


def test_what_an_evaluation_is_is_written_once_and_names_no_path_of_weights(tmp_path) -> None:
    store = Store(str(tmp_path))
    clip = EmbedSpec(model="ViT-B-32", weights="/w/clip.pt")
    spec = EvaluateSpec(weights={"raft": "/w/raft.pth"}, clip=clip)
    asked = Evaluation("/s", None, None, spec, (target("a"),), {"temporal_consistency": "1"}, {})
    first = record(store, asked)
    assert "/w/" not in str(first)
    assert first["evaluation"] == asked.fingerprint
    moved = Evaluation("/t", None, None, spec, (target("a"),), {"temporal_consistency": "1"}, {})
    assert record(store, moved) == first
