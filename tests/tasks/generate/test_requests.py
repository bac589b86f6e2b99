import json
from hashlib import sha256
from pathlib import Path

from data.records import Prompt
from data.runs.generations import Run
from data.specs.pipeline import GenerateSpec, RetrieveSpec
from tasks.generate.requests import build_requests, derive_seed, find_rejections

PLAIN = GenerateSpec(engine="fake", retrieve=RetrieveSpec(k=0))


def run(*prompts: Prompt, spec: GenerateSpec = PLAIN, corpus: str = "c") -> Run:
    return Run(corpus, spec, "1", {"model": "fake"}, None, None, prompts)


def test_a_seed_hangs_on_text_sample_and_the_runs_seed_alone() -> None:
    said = sha256(json.dumps([42, "é", 1], separators=(",", ":")).encode()).digest()
    assert derive_seed(42, "é", 1) == int.from_bytes(said[:8], "big") // 2 < 2**63
    first = list(build_requests(run(Prompt("a", "x"), Prompt("b", "y"))))
    second = list(build_requests(run(Prompt("z", "y"), Prompt("b", "x"))))
    assert first[0].seed == second[1].seed != first[1].seed == second[0].seed
    other = list(build_requests(run(Prompt("a", "x"), spec=PLAIN.model_copy(update={"seed": 1}))))
    assert other[0].seed != first[0].seed


def test_each_sample_is_a_request_and_the_first_is_that_of_a_run_with_one() -> None:
    several = list(
        build_requests(run(Prompt("a", "x"), spec=PLAIN.model_copy(update={"samples": 3})))
    )
    (one,) = build_requests(run(Prompt("a", "x")))
    assert [request.id for request in several] == ["a-0", "a-1", "a-2"]
    assert one.id == "a"
    assert several[0].seed == one.seed
    assert len({request.seed for request in several}) == 3


def test_a_text_that_was_there_is_refused_by_the_name_of_the_first() -> None:
    found = find_rejections(run(Prompt("a", "x"), Prompt("b", "y"), Prompt("c", "x")))
    assert found == {"c": ("rejected", "the same text as a")}


def test_the_same_text_among_other_videos_is_another_prompt() -> None:
    assert find_rejections(run(Prompt("a", "x"), Prompt("b", "x", where="fps > 20"))) == {}


def test_a_first_frame_that_is_not_there_costs_its_prompt_only(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.png")
    found = find_rejections(run(Prompt("a", "x", gone), Prompt("b", "y")))
    assert found == {"a": ("missing", f"no first frame {gone}")}


def test_whatever_changes_a_video_names_another_run() -> None:
    base = run(Prompt("a", "x"))
    others = [
        run(Prompt("b", "x")), run(Prompt("a", "y")), run(Prompt("a", "x", where="true")),
        run(Prompt("a", "x"), corpus="d"), run(Prompt("a", "x"), Prompt("b", "y")),
        run(Prompt("a", "x"), spec=PLAIN.model_copy(update={"steps": 3})),
        Run("c", PLAIN, "2", {"model": "fake"}, None, None, base.prompts),
        Run("c", PLAIN, "1", {"model": "other"}, None, None, base.prompts),
        Run("c", PLAIN, "1", {"model": "fake"}, ("i", "v1"), "e", base.prompts),
        Run("c", PLAIN, "1", {"model": "fake"}, ("i", "v2"), "e", base.prompts),
        Run("c", PLAIN, "1", {"model": "fake"}, None, None, base.prompts, {"a": "picture"}),
    ]  # fmt: skip
    assert len({each.fingerprint for each in (base, *others)}) == 1 + len(others)


def test_where_a_model_lies_names_no_other_run() -> None:
    there = PLAIN.model_copy(update={"base": "/there"})
    assert run(Prompt("a", "x"), spec=there).fingerprint == run(Prompt("a", "x")).fingerprint
