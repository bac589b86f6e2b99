"""The demo of motion, small: clips are described, pictures move by them, and all is measured."""

from pathlib import Path

import pytest

from data.settings import Settings
from data.workspace import open_workspace
from flows import demo_motion as module
from flows.cli.try_it import demo as command

pytestmark = [pytest.mark.usefixtures("plain_flows"), pytest.mark.slow]
SOME = ["context k=9", "truth k=1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def made(folder: Path, plain_flows: None) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELFLOW_ROOT", "")  # set by the demo, taken back here
        patch.setattr(module, "CONDITIONS", SOME)
        return module.demo_motion(folder, videos=24, prompts=2)


def test_each_condition_is_measured_on_every_prompt(made: dict) -> None:
    measured = {
        (row["metric"], row["condition"]): row["n"]
        for row in made["results"]
        if row["metric"] in ("heading", "appearance")
    }
    assert measured == {
        (metric, condition): 2
        for metric in ("heading", "appearance")
        for condition in ("k=0", *SOME)
    }
    assert list(made["seconds"]) == ["clips", "ingest", "captions", "motion features", "videos"]


def test_its_page_plays_all_conditions_and_shows_what_they_start_from(made: dict) -> None:
    html = made["page"].read_text()
    assert "Does retrieved motion help?" in html
    assert html.count(".mp4") >= 2 * (1 + len(SOME))


def test_a_second_run_generates_nothing_anew(
    made: dict, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_workspace(Settings(root=str(folder / "store"))).store
    before = {name: store.list_names(f"generations/{name}") for name in _list_runs(store)}
    monkeypatch.setenv("REELFLOW_ROOT", "")
    monkeypatch.setattr(module, "CONDITIONS", SOME)
    again = module.demo_motion(folder, videos=24, prompts=2)
    assert again["experiment"] == made["experiment"] and again["results"] == made["results"]
    assert {name: store.list_names(f"generations/{name}") for name in _list_runs(store)} == before


def test_the_command_prints_every_condition_and_where_the_page_is(
    made: dict, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("flows.demo_motion.demo_motion", lambda folder: made)
    command("motion")
    said = capsys.readouterr().out
    for text in ("heading", "appearance", "k=0", *SOME, "motion features", "motion.html"):
        assert text in said


def _list_runs(store: object) -> list[str]:
    return store.list_names("generations")  # type: ignore[attr-defined]
