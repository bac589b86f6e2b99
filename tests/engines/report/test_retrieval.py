"""The page of a retrieval, as text and, where Chromium is there, as a browser shows it."""

import re
from pathlib import Path

import pytest
from support import golden
from support.browser import CHROMIUM, opened
from support.pages import CLIPS, COUNT, FIRST, HOSTILE, WIDER, Tags, choose, playing, safe, seen

from data.records import Hit
from engines.report import html as shared
from engines.report.html import Figure, link_uri, write_html
from engines.report.retrieval import Clip, PromptHits, RetrievalPage, group_hits


def hit(id: str = "a", uri: str = "/clips/a.mp4", rank: int = 1, **more: object) -> Hit:
    said = {"prompt_id": "0", "prompt": "a cat", "score": 0.5, "caption": "a cat sits"} | more
    return Hit(rank=rank, video_id=id, uri=uri, **said)


def page(*answers: PromptHits, **more: object) -> RetrievalPage:
    return RetrievalPage(
        "A corpus", "The best clips.", list(answers), {"index": "HNSW15 v0001"}, **more
    )


def render(page: RetrievalPage) -> str:
    return shared.render_template("retrieval.html", page)


def test_every_prompt_and_clip_is_shown_with_what_they_were_made_with() -> None:
    clips = [Clip(hit(), "a.mp4"), Clip(hit("b", rank=2, score=0.25), "b.mp4")]
    html = render(page(PromptHits("a cat", clips, 2), figures=[Figure("rate", "41", "frames/s")]))
    for text in ("A corpus", "HNSW15 v0001", "a cat sits", "0.500", "0.250", "41", "frames/s"):
        assert text in html
    assert [video["data-src"] for video in Tags(html).named("video")] == ["a.mp4", "b.mp4"]


def test_a_clip_says_whether_it_shows_what_was_asked_for() -> None:
    clips = [Clip(hit(), "a", ()), Clip(hit("b"), "b", ("shape", "colour"))]
    html = render(page(PromptHits("a cat", clips, 5, {"shape": "cat"})))
    assert "1 of 5 match" in html
    assert "shape, colour" in html
    assert len(Tags(html).named("meter")) == 2


def test_fewer_clips_than_asked_for_are_said_to_be_fewer() -> None:
    assert "1 of 5 found" in render(page(PromptHits("a cat", [Clip(hit(), "a")], 5)))


def test_nothing_that_users_wrote_becomes_markup() -> None:
    bad = hit(HOSTILE, f"/clips/{HOSTILE}", caption=HOSTILE, prompt=HOSTILE)
    asked = PromptHits(HOSTILE, [Clip(bad, f"https://x/{HOSTILE}", (HOSTILE,))], 1, {"a": HOSTILE})
    assert safe(render(RetrievalPage(HOSTILE, HOSTILE, [asked], {HOSTILE: HOSTILE})))


def test_nothing_is_fetched_from_elsewhere() -> None:
    html = render(page(PromptHits("a cat", [Clip(hit(), "a.mp4")], 1)))
    tags = Tags(html)
    assert not tags.named("link")[1:] and tags.named("link")[0]["href"] == "data:,"
    assert not re.search(r"https?://|url\(|@import", html)


@pytest.mark.parametrize(
    ("uri", "src"),
    [
        ("/srv/demo/clips/a b#1?.mp4", "clips/a%20b%231%3F.mp4"),
        ("/srv/clips/é/🎬.mp4", "../clips/%C3%A9/%F0%9F%8E%AC.mp4"),
        ("/srv/demo/javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("https://x.org/a.mp4", "https://x.org/a.mp4"),
        ("s3://bucket/a.mp4", None),
        ("javascript:alert(1)", None),
        ("tar:///srv/a.tar?member=b.mp4", None),
        ("fake://a", None),
    ],
)
def test_clips_are_linked_where_a_browser_can_read_them(uri: str, src: str | None) -> None:
    assert link_uri(uri, Path("/srv/demo/report.html")) == src


def test_hits_are_shown_by_prompt_in_the_order_of_their_table() -> None:
    hits = [hit("b", prompt_id="1", prompt="x"), hit("a", prompt_id="1", prompt="x", rank=2),
            hit("a", prompt_id="2", prompt="x")]  # fmt: skip
    answers = group_hits(hits, 2, Path("/report.html"))
    assert [[c.hit.video_id for c in a.clips] for a in answers] == [["b", "a"], ["a"]]


@pytest.fixture
def long_page(tmp_path: Path) -> Path:
    """Sixty prompts with a clip each."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    golden.clip(tmp_path / "a clip #1.mp4", frames=50)
    uris = [str(tmp_path / "a clip #1.mp4")] * 60
    hits = [hit(uri=uri, prompt_id=str(n), prompt=f"cat {n}.") for n, uri in enumerate(uris)]
    report = tmp_path / "report.html"
    write_html(report, render(page(*group_hits(hits, 1, report))))
    return report


@pytest.mark.parametrize("width", [1280, 390])
def test_clips_in_view_play_and_the_others_take_no_player(
    long_page: Path, tmp_path: Path, width: int
) -> None:
    with opened(long_page, tmp_path / "profile", width) as tab:
        clips = playing(tab)
        assert len(clips) == 60 and 0 < len(seen(clips)) < 10
        for clip in seen(clips):
            assert clip["plays"] and clip["muted"] and clip["width"] > 0 and clip["height"] > 50
        assert sum(not clip["waits"] for clip in clips) < 12
        assert tab.look(WIDER) is False
        tab.look("scrollTo(0, document.body.scrollHeight)")
        clips = tab.until(CLIPS, lambda clips: clips[-1]["plays"])
        assert clips[-1]["plays"] and clips[0]["waits"]
        assert tab.complaints == []


def test_the_filter_leaves_what_has_all_its_words(long_page: Path, tmp_path: Path) -> None:
    with opened(long_page, tmp_path / "profile", 1280) as tab:
        assert tab.until(COUNT, bool) == "60 prompts"
        choose(tab, "find", "CAT 17.")
        assert tab.look(COUNT) == "1 of 60 prompts"
        assert tab.look(FIRST) == "cat 17."
        choose(tab, "find", "dog")
        assert tab.look("document.getElementById('none').hidden") is False


def test_a_clip_that_cannot_be_played_says_so(long_page: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    target = tmp_path / "report.html"
    hits = [hit(uri=str(tmp_path / "broken.mp4"))]
    write_html(target, render(page(*group_hits(hits, 1, target))))
    with opened(target, tmp_path / "profile", 1280) as tab:
        said = tab.until("document.querySelector('.screen')?.textContent.trim()", bool)
    assert "cannot play" in said


@pytest.mark.parametrize(
    ("uri", "window"),
    [("/c/a.mp4", ("12.5", "20.0")), ("/c/a.mp4#t=100,115", ("112.5", "115.0"))],
)
def test_a_moment_plays_from_where_it_begins(uri: str, window: tuple, tmp_path: Path) -> None:
    found = hit(uri=uri, start_sec=12.5, end_sec=20.0)
    (prompt,) = group_hits([found], 1, tmp_path / "page.html")
    tags = Tags(render(page(prompt)))
    (video,) = tags.named("video")
    assert (video["data-from"], video["data-to"]) == window
    assert "#" not in video["data-src"]  # by a fragment browsers would stop at the end
    (link,) = [a for a in tags.named("a") if "a.mp4" in a["href"]]
    assert link["href"].endswith(f"#t={float(window[0]):g},{float(window[1]):g}")
