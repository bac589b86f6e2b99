"""Reports by name: which run is meant, and what lies where afterwards."""

import json
from pathlib import Path

import pytest
from support.evaluated import evaluation_in
from support.generated import run_in
from support.pages import Tags

from data.errors import UserError
from data.store import layout
from data.workspace import Workspace
from tasks.browse.pages import link_clip
from tasks.report.run import find_folder, page_path, write_report

pytestmark = pytest.mark.timeout(300)  # decoders start


@pytest.fixture
def two_runs(workspace: Workspace, clips: Path) -> list[str]:
    """The fingerprints of two runs, the older first."""
    videos = sorted(clips.glob("*.mp4"))
    runs = [run_in(workspace.store, ["a", "b"], videos), run_in(workspace.store, ["c"], videos)]
    for run, made in zip(runs, ("2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00"),
                         strict=True):  # fmt: skip
        said = json.loads(workspace.store.read(layout.spec_file(run.folder))) | {"made": made}
        workspace.store.write(layout.spec_file(run.folder), json.dumps(said).encode())
    return [run.fingerprint for run in runs]


def test_a_run_is_found_by_its_first_digits_and_as_the_latest(workspace, two_runs) -> None:
    first, second = two_runs
    assert find_folder(workspace, first) == f"generations/{first}"
    assert (
        find_folder(workspace, second[:6])
        == find_folder(workspace, "latest")
        == f"generations/{second}"
    )


def test_a_name_that_is_none_or_not_enough_says_what_to_do(workspace, two_runs) -> None:
    with pytest.raises(UserError, match="`reelflow generations` lists them"):
        find_folder(workspace, "nothing")
    for name in ("", "../../etc"):
        with pytest.raises(UserError):
            find_folder(workspace, name)
    run_with_prefix = f"generations/{two_runs[0][:4]}zz/spec.json"
    workspace.store.write(run_with_prefix, b"{}")
    with pytest.raises(UserError, match="2 runs"):
        find_folder(workspace, two_runs[0][:4])


def test_without_a_run_at_all_the_latest_is_none(workspace) -> None:
    with pytest.raises(UserError, match="'latest'"):
        find_folder(workspace, "latest")


def test_a_page_lies_with_its_run_beside_its_sheet(workspace, two_runs) -> None:
    folder = find_folder(workspace, two_runs[0])
    page = page_path(workspace, folder)
    made = write_report(workspace, folder, page)
    assert made == {"run": two_runs[0], "prompts": 2, "videos": 2, "failed": 0, "page": page,
                    "sheet": page.with_name("report-sheet.jpg")}  # fmt: skip
    html = page.read_text()
    assert made["sheet"].stat().st_size > 1000 and 'href="report-sheet.jpg"' in html
    _all_there(page)


def test_a_page_elsewhere_has_in_its_folder_what_may_be_shown(
    workspace, two_runs, tmp_path: Path
) -> None:
    folder = find_folder(workspace, two_runs[0])
    mark = {"video_id": "clip-0", "content": "content of clip-0", "at": "2026", "why": ""}
    workspace.store.write(f"{layout.withdrawn_folder('c')}/clip-0.json", json.dumps(mark).encode())
    workspace.store.delete(f"{folder}/media/000-0.mp4")
    page = tmp_path / "out/cats.html"
    write_report(workspace, folder, page)
    html, copies = page.read_text(), (tmp_path / "out/cats_files").rglob("*.mp4")
    assert [copy.name for copy in copies] == ["001-0.mp4"]
    assert "<b>missing</b>" in html
    served = tmp_path / "served/cats.html"
    write_report(workspace, folder, served, link_clip)  # where no file beside it can be read
    html = served.read_text()
    assert "/media/c/file?id=clip-1" in html and "/media/c/file?id=clip-0" not in html
    assert link_clip("a b", "x/&y", "/v/film.mp4#t=1,2") == "/media/a%20b/file?id=x%2F%26y#t=1,2"
    assert "clip-0.mp4#" not in html and ">withdrawn<" in html
    _all_there(page)


def test_a_run_of_which_nothing_is_made_says_so(workspace, two_runs) -> None:
    folder = find_folder(workspace, two_runs[0])
    workspace.store.delete(f"{folder}/receipts")
    with pytest.raises(UserError, match="no videos"):
        write_report(workspace, folder, page_path(workspace, folder))


def _all_there(page: Path) -> None:
    """Every video of the page is where the page says."""
    videos = Tags(page.read_text()).named("video")
    assert videos
    for video in videos:
        assert (page.parent / video["data-src"]).is_file()


def test_an_evaluations_page_is_the_leaderboard_with_it_alone(
    workspace, two_runs, tmp_path
) -> None:
    evaluation_in(workspace.store, tmp_path)
    evaluation_in(workspace.store, tmp_path, id="bbbb00000002", spec={"num_frames": None})
    folder = find_folder(workspace, "bbbb")
    assert folder == "evaluations/bbbb00000002"
    assert find_folder(workspace, "latest") == f"generations/{two_runs[1]}"
    page = page_path(workspace, folder)
    made = write_report(workspace, folder, page)
    assert made == {"clips": 3, "videos": 6, "page": page}
    html = page.read_text()
    assert "Subject mode · num_frames all" in html and "aaaa00000001" not in html
