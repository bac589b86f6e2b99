"""The leaderboard's page: tables that sort, and clips that play with their scores."""

from os.path import normpath
from pathlib import Path

import pytest
from support.browser import CHROMIUM, opened
from support.evaluated import clips_in, evaluation_in
from support.generated import SPEC, run_in
from support.pages import COUNT, FIRST, HOSTILE, WIDER, Tags, choose, safe

from data.errors import UserError
from data.runs.evaluations import Leak
from data.workspace import Workspace
from tasks.report.leaderboard import read_board, read_leaderboard_page, write_leaderboard

METHODS, CLIPS = ("Alpha", "Beta"), ("cat", "dog", "owl")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return clips_in(tmp_path / "clips", METHODS, CLIPS)


def html_of(workspace: Workspace, tmp_path: Path, data: str | None = None) -> str:
    page = tmp_path / "out" / "board.html"
    write_leaderboard(workspace, read_board(workspace, group=True), page, data)
    return page.read_text()


def test_every_clip_plays_its_real_video_and_each_methods(
    workspace, folder, tmp_path: Path
) -> None:
    evaluation_in(workspace.store, folder)
    html = html_of(workspace, tmp_path)
    tags = Tags(html)
    labels = [video["aria-label"] for video in tags.named("video")]
    assert len(labels) == 3 * 3 and labels[0] == "Ground truth of cat"
    assert {label.partition(":")[0] for label in labels if ":" in label} == set(METHODS)
    for source in [v["data-src"] for v in tags.named("video")] + [
        image["src"] for image in tags.named("img")
    ]:
        assert not source.startswith("/")
        assert Path(normpath(tmp_path / "out" / source)).is_file()
    assert len(tags.named("img")) == 3


def test_scores_stand_below_their_video_with_reasons_and_the_best_marked(
    workspace, folder, tmp_path: Path
) -> None:
    def score(method: str, clip: str, metric: str) -> float | None:
        if (method, clip) == ("Beta", "owl"):
            return None
        return 0.25 if method == "Alpha" else 0.125

    evaluation_in(workspace.store, folder, score=score, metrics=("temporal_consistency",),
                  reasons={("Beta", "owl"): "one frame: no other to compare"},
                  fails={("Alpha", "dog"): "moov atom not found"})  # fmt: skip
    html = html_of(workspace, tmp_path)
    assert html.count("<dt>T-Cons</dt><dd>0.250</dd>") == 2
    assert html.count('class="best"><dt>T-Cons</dt>') == 1  # of several values alone
    assert "one frame: no other to compare" in html
    assert "undecodable: moov atom not found" in html
    sections = Tags(html).named("section")
    assert [s["id"] for s in sections if "data-failed" in s] == ["c2"]
    assert [s.get("data-best1") for s in sections] == ["0.1875", "0.125", "0.25"]


def test_scores_of_subjects_can_be_read(workspace, folder, tmp_path: Path) -> None:
    evaluation_in(workspace.store, folder, parts={"brown cat": 0.5, "chair": 0.0})
    assert 'title="brown cat 0.500 · chair 0.000"' in html_of(workspace, tmp_path)


def test_real_videos_come_from_the_benchmarks_folder_too(workspace, folder, tmp_path: Path) -> None:
    real = tmp_path / "data"
    for clip in CLIPS:
        (real / clip).mkdir(parents=True)
        (folder / clip / "ground_truth.mp4").rename(real / clip / "video.mp4")
        for number in (1, 2, 3):
            for name in ("red_cat", "cat.face"):
                (real / clip / f"{name}.frame{number}.png").write_bytes(b"png")
        (folder / clip / "conditioning.jpg").unlink()
    evaluation_in(workspace.store, folder)
    assert len(Tags(html_of(workspace, tmp_path)).named("video")) == 6
    tags = Tags(html_of(workspace, tmp_path, str(real)))
    assert len(tags.named("video")) == 9
    assert {Path(image["src"]).name for image in tags.named("img")} == {"red_cat.frame2.png"}
    with pytest.raises(UserError, match="none"):
        html_of(workspace, tmp_path, str(tmp_path / "none"))


def test_a_clips_name_leads_to_no_other_folder(workspace, tmp_path: Path) -> None:
    clips_in(tmp_path, METHODS, ("secret",))
    evaluation_in(workspace.store, tmp_path / "clips", clips=("../secret",))
    (tmp_path / "data").mkdir()
    tags = Tags(html_of(workspace, tmp_path, str(tmp_path / "data")))
    assert not tags.named("img") and len(tags.named("video")) == 2


def test_videos_of_a_run_are_beside_the_page_and_those_that_followed_a_leak_are_flagged(
    workspace, clips: Path, tmp_path: Path
) -> None:
    run = run_in(workspace.store, ["a", "b", "c"], sorted(clips.glob("*.mp4")), SPEC)
    media = workspace.store.local_path(f"{run.folder}/media")
    evaluation_in(workspace.store, media, source=run.fingerprint, methods=("ours",), of_a_run=True,
                  clips=("000-0", "001-0", "002-0"),
                  leaks=(Leak("000-0", "clip-1", "near", 0.991),))  # fmt: skip
    page = read_leaderboard_page(workspace, read_board(workspace), tmp_path / "out" / "board.html")
    assert page.leak_count == 1
    assert [clip.leaks for clip in page.clips] == [("clip-1 (0.991)",), (), ()]
    followed = [clip.trials[0].leaked for clip in page.clips]  # each has two clips from its own on
    assert followed == [("clip-1",), ("clip-1",), ()]
    for clip in page.clips:
        source = clip.trials[0].src
        assert source.startswith("board_files/generations/")
        assert (tmp_path / "out" / source).is_file()


def test_nothing_that_users_wrote_becomes_markup(workspace, tmp_path: Path) -> None:
    evaluation_in(workspace.store, tmp_path, methods=(HOSTILE, "b"), clips=(HOSTILE, "c"),
                  prompt=lambda clip: HOSTILE, fails={("b", "c"): HOSTILE},
                  reasons={("b", HOSTILE): HOSTILE}, parts={HOSTILE: 0.5},
                  absent={"temporal_consistency": HOSTILE},
                  leaks=(Leak(HOSTILE, HOSTILE, "near", 0.99),))  # fmt: skip
    assert safe(html_of(workspace, tmp_path))


def test_without_evaluations_it_says_how_to_make_one(workspace, tmp_path: Path) -> None:
    html = html_of(workspace, tmp_path)
    assert "reelflow evaluate FOLDER" in html
    assert "0.732" in html and not Tags(html).named("video")


def test_a_page_of_thousands_of_clips_stays_light(workspace, tmp_path: Path) -> None:
    clips = [f"video{n}" for n in range(400)]
    metrics = ("text_clip_similarity", "video_clip_similarity", "subject_dino_similarity",
               "dynamic_degree", "temporal_consistency", "moving_shapes")  # fmt: skip
    evaluation_in(workspace.store, tmp_path, clips=clips, methods=list("abcd"), metrics=metrics)
    html = html_of(workspace, tmp_path)
    assert len(html) / len(clips) < 3500
    assert html.count("<template>") == len(clips)  # laid out when they come into view


ROWS = "[...document.querySelector('.board tbody').rows].map(row => row.cells[0].dataset.value)"


def click(head: str) -> str:
    return (
        "[...document.querySelectorAll('.board thead')][0].querySelectorAll('button').forEach("
        f"button => button.textContent === '{head}' && button.click())"
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_plays_sorts_and_filters_it(
    workspace, folder, tmp_path: Path, width: int
) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")

    def score(method: str, clip: str, metric: str) -> float:
        return 0.5 + CLIPS.index(clip) / 10 + (method == "Beta") / 20

    evaluation_in(workspace.store, folder, score=score, fails={("Alpha", "cat"): "broken"})
    html_of(workspace, tmp_path)
    with opened(tmp_path / "out" / "board.html", tmp_path / "profile", width) as tab:
        tab.until(COUNT, bool)
        assert tab.look(COUNT) == "3 clips"
        tab.look("document.querySelector('.clip').scrollIntoView()")
        video = "document.querySelector('.clip video')?.currentTime"
        assert tab.until(video, bool) > 0
        assert tab.look("document.querySelector('.clip template')") is None
        assert tab.look("document.querySelector('.clip video').videoWidth") == 96
        assert tab.look(ROWS) == ["beta", "alpha"] or tab.look(ROWS) == ["alpha", "beta"]
        tab.look(click("method"))
        assert tab.look(ROWS) == ["alpha", "beta"]
        tab.look(click("method"))
        assert tab.look(ROWS) == ["beta", "alpha"]
        choose(tab, "sort", "best1")
        assert tab.look(FIRST) == "a owl that moves"
        choose(tab, "sort", "worst1")
        assert tab.look(FIRST) == "a cat that moves"
        choose(tab, "find", "dog")
        assert tab.look(COUNT) == "1 of 3 clips"
        assert tab.look(WIDER) is False
        assert tab.complaints == []
