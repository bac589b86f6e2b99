"""The experiment with texts on fake videos, the scores of its runs, and their published files."""

import json
from pathlib import Path

import pytest

from data.errors import UserError
from data.specs.answer import AnswerSpec
from data.store.texts import Annotation, Text
from engines.annotate.annotators import fake
from flows.annotate import annotate
from flows.experiment_texts import experiment_texts
from flows.ingest import ingest
from flows.leaderboard import leaderboard
from tasks.answer.conditions import BASELINE, SHUFFLED, list_conditions, require_answers
from tasks.answer.scoring import judge_run, summarize_scores, write_published

THINGS = ("apple", "bridge", "candle", "donkey", "engine", "feather", "guitar", "hammer", "island",
          "jacket")  # fmt: skip

pytestmark = pytest.mark.usefixtures("plain_flows")


def entries() -> list[dict[str, object]]:
    """A question about each video, in Video-MME's format; its right option is what is said."""
    made = []
    for n, thing in enumerate(THINGS):
        wrong = [each for each in THINGS if each != thing][n % 3 : n % 3 + 3]
        options = [*wrong[: n % 4], thing, *wrong[n % 4 :]]
        question = {
            "question_id": f"{n}-1", "task_type": "Named", "question": "What is spoken of?",
            "options": [f"{a}. {o}" for a, o in zip("ABCD", options, strict=True)],
            "answer": "ABCD"[n % 4], "response": "",
        }  # fmt: skip
        made.append({"video_id": str(n), "duration": "short", "domain": "D", "sub_category": "S",
                     "url": f"v{n}", "questions": [question]})  # fmt: skip
    return made


@pytest.fixture(scope="module")
def experiment(shared_workspace, plain_flows, tmp_path_factory):
    folder, texts = tmp_path_factory.mktemp("asked"), iter(THINGS)

    def finish(self) -> Annotation:
        return Annotation((Text(2.0, 3.0, f"Here is the {next(texts)}.", 0.9),), "text")

    rows = [{"videoID": f"v{n}", "videoLoc": f"fake://v{n}", "txt": ""} for n in range(len(THINGS))]
    source = folder / "videos.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    questions = folder / "questions.json"
    questions.write_text(json.dumps(entries()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake._Reader, "finish", finish)
        patch.setenv("REELFLOW_DECODERS", "1")
        ingest(str(source), "c")
        annotate("c", ["fake"])
        page = folder / "page.html"
        spec = AnswerSpec(kinds=("fake",))
        result = experiment_texts("c", str(questions), "video-mme", spec, str(page))
    return shared_workspace, result


def test_conditions_add_one_kind_at_a_time_and_end_with_a_control() -> None:
    conditions = list_conditions(["speech", "screen", "objects"], 2000)
    assert [each.texts for each in conditions] == [
        "none", "all", "retrieved", "retrieved", "retrieved", "shuffled",
    ]  # fmt: skip
    assert [len(each.kinds) for each in conditions] == [0, 1, 1, 2, 3, 3]


def test_questions_that_a_server_did_not_answer_count_as_no_answers() -> None:
    require_answers(BASELINE, {"rejected": 2})
    with pytest.raises(UserError, match=f"{BASELINE}: the server did not answer 3 questions"):
        require_answers(BASELINE, {"unreachable": 3})


def test_right_texts_help_and_those_of_another_video_do_not(experiment) -> None:
    _, result = experiment
    overall = {r["condition"]: r for r in result["results"] if r["group"] == "all"}
    assert overall["fake, retrieved"]["share"] == 1.0
    assert overall["fake, retrieved"]["low"] > 0 and overall["fake, retrieved"]["p"] < 0.01
    assert overall[BASELINE]["difference"] == 0.0
    assert overall[SHUFFLED]["share"] < 0.5
    assert {r["group"] for r in result["results"]} == {"all", "task type", "duration"}


def test_the_page_has_each_question_with_the_moment_that_its_answer_cites(experiment) -> None:
    page = Path(experiment[1]["page"]).read_text()
    assert page.count('<section id="q') == len(THINGS)
    assert "fake at 0:02.0 of v0" in page and "Here is the apple." in page
    assert f'<th scope="row">{SHUFFLED}' in page


def test_its_runs_are_ranked_beside_published_scores_and_not_with_them(experiment) -> None:
    _, result = experiment
    tables = leaderboard(mode="video-mme", sort="short")["tables"]
    ours = [each for each in tables if any(e["evaluation"] for e in each["entries"])]
    assert {e["evaluation"] for each in ours for e in each["entries"]} == {*result["runs"].values()}
    assert all(any("2,700" in note for note in each["notes"]) for each in ours)
    named = result["runs"]["fake, retrieved"]
    tables = leaderboard([named[:8]], mode="video-mme")["tables"]
    assert next(e["evaluation"] for each in tables for e in each["entries"]) == named
    with pytest.raises(UserError, match="none begins"):
        leaderboard(["nothing"], mode="mlvu")
    with pytest.raises(UserError, match="md"):
        leaderboard(mode="mlvu", out="board.html")


def test_a_run_is_scored_and_written_as_the_benchmark_does(experiment, tmp_path: Path) -> None:
    workspace, result = experiment
    run = result["runs"]["fake, retrieved"]
    for parser in ("strict", "official"):
        judged = judge_run(workspace.store, run, parser)
        scores = summarize_scores(judged, parser)
        assert (scores["micro"]["right"], scores["macro"]) == (len(THINGS), 1.0)
    write_published(judged, tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    assert [each["questions"][0]["response"] for each in written] == [
        each["questions"][0]["answer"] for each in entries()
    ]
    assert [each["url"] for each in written] == [f"v{n}" for n in range(len(THINGS))]
    with pytest.raises(UserError, match="no answers"):
        judge_run(workspace.store, "0" * 12)
    source = tmp_path / "changed.json"
    source.write_text(json.dumps(entries()[::-1]))
    judged.record["source"] = str(source)
    with pytest.raises(UserError, match="changed"):  # replies are filled in by place
        write_published(judged, tmp_path / "out.json")
