"""The leaderboard of a store: which tables it has, and which evaluations it rejects."""

import json
from pathlib import Path

import pytest
from support.evaluated import evaluation_in

from data.errors import UserError
from data.runs.evaluations import Leak
from data.workspace import Workspace
from engines.report.leaderboard.text import to_data, to_markdown
from tasks.report.leaderboard import read_board

NINE = ("cat", "dog", "owl", *"uvwxyz")


def titles(workspace: Workspace, *named: str, **how) -> list[str]:
    return [each.title for each in read_board(workspace, named, **how).tables]


def test_without_evaluations_what_was_published_is_shown(workspace) -> None:
    found = titles(workspace)
    assert found[:2] == ["Subject mode, published: one subject image",
                         "Face mode, published: one face crop"]  # fmt: skip
    assert len(found) == 10
    assert all("Face" in title for title in titles(workspace, mode="face"))


def test_ours_stand_before_what_was_published_of_their_mode_with_the_reason(
    workspace, tmp_path: Path
) -> None:
    evaluation_in(workspace.store, tmp_path)
    made = read_board(workspace)
    assert [each.title for each in made.tables][:2] == [
        "Subject mode", "Subject mode, published: one subject image",
    ]  # fmt: skip
    assert not any("Face" in each.title for each in made.tables)
    [note] = made.tables[1].notes
    assert "3 of the 1,736 clips" in note
    ours = made.tables[0].entries
    assert {e.evaluation for e in ours} == {"aaaa00000001"}
    values = [e.cell("subject_dino_similarity").value for e in ours]
    assert values == sorted(values, reverse=True)


def test_the_whole_benchmark_is_ranked_among_published_rows(workspace, tmp_path: Path) -> None:
    evaluation_in(workspace.store, tmp_path, methods=("Ours",), videos=1736,
                  score=lambda *_: 0.5)  # fmt: skip
    table, *others = read_board(workspace).tables
    assert table.title == "Subject mode, with published scores"
    assert [entry.method for entry in table.entries] == [
        "Video Alchemist", "Ours", "VideoBooth", "ELITE", "DreamVideo",
    ]  # fmt: skip
    assert table.is_best("subject_dino_similarity", table.entries[0])
    assert table.is_best("text_clip_similarity", table.entries[1])
    assert "one subject image" not in " ".join(each.title for each in others)
    assert "2501.06187" in (table.source or "")


def test_different_switches_are_refused_or_shown_apart(workspace, tmp_path: Path) -> None:
    evaluation_in(workspace.store, tmp_path)
    evaluation_in(workspace.store, tmp_path, id="bbbb00000002", spec={"num_frames": None})
    with pytest.raises(UserError, match="num_frames"):
        read_board(workspace)
    assert titles(workspace, group=True)[:2] == ["Subject mode", "Subject mode · num_frames all"]
    assert titles(workspace, "bbbb")[0] == "Subject mode · num_frames all"


def test_different_modes_are_never_one_table(workspace, tmp_path: Path) -> None:
    evaluation_in(workspace.store, tmp_path)
    evaluation_in(workspace.store, tmp_path, id="bbbb00000002", mode="face")
    evaluation_in(workspace.store, tmp_path, id="cccc00000003", mode=None, benchmark=None,
                  spec={"num_frames": 2})  # fmt: skip
    found = titles(workspace)
    ours = [title for title in found if "published" not in title]
    assert ours == ["Subject mode", "Face mode", "No benchmark · num_frames 2"]
    assert not [t for t in titles(workspace, mode="face") if "Subject" in t or "No bench" in t]
    assert titles(workspace, "cccc") == ["No benchmark · num_frames 2"]


def test_a_name_that_is_none_or_not_enough_says_so(workspace, tmp_path: Path) -> None:
    evaluation_in(workspace.store, tmp_path)
    evaluation_in(workspace.store, tmp_path, id="aaaa00000009")
    for name, said in (("zzz", "no evaluation 'zzz'"), ("aaaa", "2 evaluations"),
                       ("../../etc", "no evaluation"), ("", "2 evaluations")):  # fmt: skip
        with pytest.raises(UserError, match=said):
            read_board(workspace, [name])


def test_an_evaluation_that_has_not_ended_is_left_out(workspace, tmp_path: Path) -> None:
    evaluation_in(workspace.store, tmp_path)
    workspace.store.write("evaluations/cccc00000003/spec.json", b"{}")
    assert len(read_board(workspace).summaries) == 1


def test_a_sort_by_no_column_is_refused(workspace) -> None:
    with pytest.raises(UserError, match="'speed'"):
        read_board(workspace, sort="speed")
    first = read_board(workspace, mode="subject", sort="T-Cons").tables[0]
    assert first.by == "temporal_consistency"
    assert [e.method for e in first.entries][-1] == "ELITE"


def test_leaks_flag_their_methods_and_a_clean_bank_is_said_to_be_clean(
    workspace, tmp_path: Path
) -> None:
    leaks = (Leak("cat", "v1", "exact", 1.0), Leak("cat", "v2", "near", 0.99),
             Leak("dog", "v2", "near", 0.985))  # fmt: skip
    evaluation_in(workspace.store, tmp_path, leaks=leaks)
    evaluation_in(workspace.store, tmp_path, id="bbbb00000002", methods=("Clean",), leaks=())
    table = read_board(workspace).tables[0]
    warnings = {e.method: e.warning for e in table.entries}
    assert warnings["Clean"] is None and warnings["Alpha"] == warnings["Beta"]
    assert "2 clips" in warnings["Alpha"] and "(1 exact, 1 near)" in warnings["Alpha"]
    leaky, clean, few = table.notes
    assert "fewer than 8 clips" in few
    assert leaky.startswith("⚑ aaaa00000001: ") and warnings["Alpha"] in leaky
    assert "bbbb00000002" in clean and "⚑" not in clean
    text = to_markdown(to_data(read_board(workspace)))
    assert "| ⚑ Alpha |" in text and "| Clean |" in text


def test_methods_of_different_clips_and_absent_metrics_are_noted(workspace, tmp_path: Path) -> None:
    absent = {"dynamic_degree": "no weights of raft: fetch them"}
    evaluation_in(workspace.store, tmp_path, absent=absent,
                  metrics=("temporal_consistency", "dynamic_degree"))  # fmt: skip
    evaluation_in(workspace.store, tmp_path, id="bbbb00000002", methods=("Few",), clips=("cat",))
    table = read_board(workspace).tables[0]
    absent_note, clips_note, _ = table.notes
    assert "Dync-D" in absent_note and absent["dynamic_degree"] in absent_note
    assert "same clips" in clips_note
    assert all(e.cell("dynamic_degree").text == "–" for e in table.entries)


def test_markdown_has_bold_bests_dashes_intervals_and_counts(workspace, tmp_path: Path) -> None:
    def score(method: str, clip: str, metric: str) -> float | None:
        return None if (method, clip) == ("Beta", "cat") else 0.5 + 0.1 * (method == "Alpha")

    evaluation_in(workspace.store, tmp_path, score=score, metrics=("temporal_consistency",),
                  methods=("Alpha", "Beta", "a|b"), clips=NINE,
                  fails={("Alpha", "owl"): "cut short"})  # fmt: skip
    text = to_markdown(to_data(read_board(workspace)))
    assert "| Alpha | **0.600** [0.600, 0.600] | 9 (1 failed) | 4 | 64 × 64 | 25 |" in text
    assert "| Beta | 0.500 [0.500, 0.500] n=8 | 9 |" in text
    assert "| a\\|b |" in text
    assert "| ELITE (image, no tuning) | 0.245 | 0.620 | 0.359 | – | – |" in text
    assert "num_frames 16, remainder all" in text


def test_data_has_every_figure_and_is_json(workspace, tmp_path: Path) -> None:
    evaluation_in(workspace.store, tmp_path, digests={"clip": "ab" * 32}, clips=NINE)
    said = json.loads(json.dumps(to_data(read_board(workspace)), allow_nan=False))
    table = said["tables"][0]
    assert table["mode"] == "subject" and table["by"] == "subject_dino_similarity"
    assert table["switches"]["num_frames"] == "16"
    assert table["switches"]["weights of clip"] == "ab" * 6
    for entry in table["entries"]:
        cell = entry["cells"]["temporal_consistency"]
        assert cell["low"] <= cell["value"] <= cell["high"] and cell["n"] == 9
        assert (entry["videos"], entry["frames"], entry["fps"]) == (9, 4, 25.0)
    assert sum("temporal_consistency" in entry["best"] for entry in table["entries"]) == 1


def test_means_over_few_clips_have_no_interval_and_the_table_says_so(
    workspace, tmp_path: Path
) -> None:
    evaluation_in(workspace.store, tmp_path)
    table = read_board(workspace).tables[0]
    cells = [cell for entry in table.entries for cell in entry.cells.values()]
    assert all(cell.value and (cell.low, cell.high) == (None, None) for cell in cells)
    assert any("fewer than 8 clips" in note for note in table.notes)
    text = to_markdown(to_data(read_board(workspace)))
    assert "fewer than 8 clips" in text and "[" not in text.partition("##")[2].partition("##")[0]


def test_intervals_of_an_older_summary_are_computed_again_over_clips(
    workspace, tmp_path: Path
) -> None:
    """Up to 0.1.0 a summary held the interval of its videos, and no count of clips."""
    summary = evaluation_in(workspace.store, tmp_path, clips=NINE)
    name = f"evaluations/{summary.evaluation}/summary.json"
    older = json.loads(workspace.store.read(name))
    for mean in (mean for method in older["methods"] for mean in method["means"]):
        mean.pop("clips")
        mean |= {"low": 0.0, "high": 0.1}
    workspace.store.write(name, json.dumps(older).encode())
    (found,) = read_board(workspace).summaries
    assert [m.means[0].clips for m in found.methods] == [9, 9]
    assert found.methods[0].means[0].low == pytest.approx(summary.methods[0].means[0].low)


def test_only_clips_that_have_a_score_count_as_measured(workspace, tmp_path: Path) -> None:
    """Both list the same clips: one failed, and another has no value, so they do not compare."""
    evaluation_in(workspace.store, tmp_path, clips=NINE, fails={("Beta", "owl"): "cut short"})
    table, published, *_ = read_board(workspace).tables
    assert any("same clips: Text-S, Subj-S, T-Cons" in note for note in table.notes)
    assert any("8 of the 1,736 clips" in note for note in published.notes)
