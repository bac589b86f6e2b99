"""The command as a user types it; Prefect's server is shared, the rest is real."""

import io
import json
from pathlib import Path

import pytest
import typer
from prefect.settings import PREFECT_API_URL, temporary_settings
from rich.console import Console
from support.corpora import counts

from flows.cli import console, main
from flows.cli.app import PANELS
from tasks.progress import Progress, notify

pytestmark = pytest.mark.usefixtures("plain_flows")


def test_from_a_folder_of_videos_to_hits(reelflow, clips: Path, tmp_path: Path) -> None:
    assert reelflow("ingest", str(clips), "--corpus", "c")[0] == 0
    assert reelflow("embed", "c", "--engine", "fake", "--take-every-nth", "5")[0] == 0
    assert reelflow("pool", "c")[0] == 0
    assert reelflow("index", "c")[0] == 0
    code, out, _ = reelflow("search", "c", "stripes", "-k", "3", "--json")
    hits = json.loads(out)
    assert code == 0
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    # Of a moment, its seconds; of a video's own neighbours, how many better ones were left out.
    whole = {"start_sec": None, "end_sec": None, "excluded": None}
    keys = {"prompt_id", "prompt", "rank", "video_id", "score", "uri", "caption"}
    assert set(hits[0]) == keys | set(whole) and whole.items() <= hits[0].items()


def test_status_has_the_promised_shape(reelflow, clips: Path) -> None:
    reelflow("run", "c", "--source", str(clips), "--engine", "fake")
    code, out, _ = reelflow("status", "c", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["corpus"] == "c"
    assert list(said["stages"]) == ["ingest", "embed", "pool", "index"]
    for stage in said["stages"].values():
        assert stage["videos"] == counts(4, 4)
        assert stage["hours"]["done"] == pytest.approx(stage["hours"]["total"])


def test_what_is_not_asked_for_is_as_it_was(reelflow, workspace) -> None:
    reelflow("run", "c", "--source", "fake://3", "--engine", "fake", "--take-every-nth", "7")
    made = workspace.store.list_names("corpora/c/embed")
    assert reelflow("run", "c", "--source", "fake://4")[0] == 0
    assert reelflow("embed", "c")[0] == 0
    assert workspace.store.list_names("corpora/c/embed") == made
    assert (
        json.loads(reelflow("status", "c", "--json")[1])["stages"]["embed"]["videos"]["done"] == 4
    )


def test_failures_have_names_at_the_end_of_a_command(reelflow, workspace) -> None:
    source = "fake://8?undecodable=5"
    for words in (("run", "c", "--source", source), ("embed", "c"), ("ingest", source)):
        more = ("--corpus", "c") if words[0] == "ingest" else ("--engine", "fake")
        code, _, err = reelflow(*words, *more)
        said = [line for line in err.splitlines() if line.startswith("failed: ")]
        if words[0] == "run":
            assert code == 0 and len(said) == 3 and "all 5: reelflow failures c" in err
            assert all("undecodable" in line for line in said)
        else:  # nothing failed in these
            assert not said
    again = reelflow("run", "c", "--root", str(workspace.store.root))
    assert f"reelflow failures c --root {workspace.store.root}" in again[1] + again[2]
    code, _, err = reelflow("generate", "c", "--generator", "fake", "--size", "32x16",
                            "--prompt", "a star", "--prompt", "word " * 80)  # fmt: skip
    assert code == 0 and "failed: 001: too_long" in err and "all 1" in err


def test_bad_videos_leave_the_exit_code_at_0_and_are_listed(reelflow) -> None:
    code, _, _ = reelflow("run", "c", "--source", "fake://6?undecodable=2", "--engine", "fake")
    assert code == 0
    code, out, _ = reelflow("failures", "c", "--json")
    assert [row["reason"] for row in json.loads(out)] == ["undecodable"] * 2
    assert "undecodable" in reelflow("failures", "c")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["embed", "nothing"], "no corpus 'nothing'"),
        (["ingest", "/nowhere/at/all", "--corpus", "c"], "/nowhere/at/all"),
        (["ingest", "fake://3", "--corpus", "../x"], "corpus name"),
        (["ingest", "s3://me:planted@bucket", "--corpus", "c"], "password"),
        (["search", "nothing", "text"], "no corpus"),
        (["retry", "nothing", "--reason", "bored"], "no reason 'bored'"),
    ],
)
def test_a_failure_is_one_line_and_exit_code_1(reelflow, words: list[str], says: str) -> None:
    code, _, err = reelflow(*words)
    assert code == 1
    lines = [line for line in err.splitlines() if line]
    assert len(lines) == 1
    assert lines[0].startswith("reelflow: ")
    assert says in lines[0]


@pytest.mark.parametrize(
    "words",
    [["embed"], ["no-such-command"], ["search", "c"], ["embed", "c", "--workers", "0"],
     ["embed", "c", "--fps", "1", "--take-every-nth", "2"], ["embed", "c", "--precision", "int3"],
     ["ingest", "fake://1", "--corpus", "c", "--column", "nonsense"]],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(reelflow, words: list[str]) -> None:
    code, _, err = reelflow(*words)
    assert code == 2
    assert "Traceback" not in err


def test_missing_weights_say_what_to_add(reelflow, clips: Path) -> None:
    reelflow("ingest", str(clips), "--corpus", "c")
    code, _, err = reelflow("embed", "c", "--model", "ViT-B-32")
    assert code == 1
    assert "--weights" in err


def test_doctor_knows_this_machine(reelflow) -> None:
    code, out, _ = reelflow("doctor")
    assert code == 0
    assert "cores" in out
    assert "decodes h264" in out
    assert "prefect" in out


def test_a_rebuilt_catalogue_answers_as_before(reelflow, clips: Path, workspace) -> None:
    reelflow("run", "c", "--source", str(clips), "--engine", "fake")
    before = reelflow("status", "c", "--json")[1]
    workspace.store.local_path("catalog.duckdb").unlink()
    assert reelflow("catalog", "rebuild")[0] == 0
    assert reelflow("status", "c", "--json")[1] == before


def test_from_prompts_to_videos_and_back_to_their_sources(reelflow, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a red circle\na blue star\n")
    reelflow("run", "c", "--source", "fake://8?frames=60", "--engine", "fake")
    asked = ("generate", "c", str(tmp_path / "p.txt"), "--engine", "fake", "--size", "32x16",
             "--frames", "3", "--fps", "4", "--k", "2")  # fmt: skip
    code, out, _ = reelflow(*asked, "--json")
    made = json.loads(out)
    assert (code, made["done"]) == (0, 2)
    assert reelflow(*asked)[1].split("run")[1].split()[0] == made["run"]
    (listed,) = json.loads(reelflow("generations", "c", "--json")[1])
    assert (listed["run"], listed["done"]) == (made["run"], 2)
    output = json.loads(reelflow("passport", f"{made['videos']}/000.mp4", "--json")[1])["outputs"]
    assert [row["rank"] for row in output] == [1, 2]
    video = output[0]["video_id"]
    assert "a red circle" in reelflow("passport", video)[1]
    said = json.loads(reelflow("withdraw", video, "--corpus", "c", "--regenerate", "--json")[1])
    assert "000" in [row["request_id"] for row in said["outputs"]]
    assert "withdrawn" in reelflow("passport", video)[1]
    assert video not in reelflow("search", "c", "a red circle", "-k", "9")[1]


def test_what_cannot_be_generated_is_wrong_usage(reelflow) -> None:
    for words in ((), ("p.txt", "--prompt", "x"), ("p.txt", "--size", "64"),
                  ("p.txt", "--init", "2")):  # fmt: skip
        assert reelflow("generate", "c", *words)[0] == 2, words


def test_progress_is_drawn_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(console, "out", lambda err=False: screen)
    with console.live():
        Progress("embed", 4).add(done=1, failed=1)
        notify("waiting for process 7")
    drawn = screen.file.getvalue()
    assert console.MARK * 12 in drawn and console.MARK * 13 not in drawn
    assert "embed 2/4 videos" in drawn and "waiting for process 7" in drawn


def test_help_shows_every_command_in_a_panel_from_trying_it_to_other_systems(reelflow) -> None:
    code, out, _ = reelflow("--help")
    panels = [line.split("─ ")[1].split(" ─")[0] for line in out.splitlines() if "╭─ " in line]
    assert (code, panels[1:]) == (0, list(PANELS))
    assert panels[1] == "Try it" and panels[-1] == "Other systems"
    commands = typer.main.get_command(main.app).commands
    assert all(f" {name} " in out for name in set(commands) - {"passport"})


def test_windows_for_workers_need_a_server_and_say_so_at_once(reelflow) -> None:
    reelflow("ingest", "fake://2", "--corpus", "c")
    asked = ("backfill", "embed", "--corpus", "c", "--engine", "fake", "--approve", "--on-workers")
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        code, _, error = reelflow(*asked)
    assert code == 1
    assert "export PREFECT_API_URL" in error
