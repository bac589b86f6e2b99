"""The page of a run of generation, as text and, where Chromium is there, as a browser shows it."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from support import golden
from support.browser import CHROMIUM, Tab, opened
from support.generated import SPEC, run_in
from support.pages import CLIPS, COUNT, FIRST, HOSTILE, WIDER, Tags, choose, playing, safe, seen

from data.runs.generations import Run, read_generations
from data.specs.pipeline import GenerateSpec, RetrieveSpec
from data.store.storage import Store
from engines.report import generation_summary as head
from engines.report.generation import GenerationPage, PromptResult, RunView
from engines.report.html import render_template, write_html

pytestmark = pytest.mark.timeout(300)  # a busy machine plays videos slowly


def page_of(store: Store, run, page: Path, withdrawn: set[str] = frozenset()) -> GenerationPage:
    rows = list(read_generations(store, run))
    return GenerationPage(
        run.corpus, head.format_lead(run, rows),
        RunView(store, run, page, withdrawn).group_prompts(rows),
        head.describe_run(run), head.list_settings(run), head.build_figures(rows), "64 / 64",
    )  # fmt: skip


def html_of(store: Store, run, **how: object) -> str:
    page = store.local_path(f"{run.folder}/report.html")
    return render_template("generation.html", page_of(store, run, page, **how))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def with_spec(**more: object) -> GenerateSpec:
    return SPEC.model_copy(update=more)


def test_a_prompt_is_shown_with_its_video_and_its_clips(store: Store, clips: Path) -> None:
    run = run_in(store, ["a red circle"], sorted(clips.glob("*.mp4")))
    html = html_of(store, run)
    assert [video["data-src"] for video in Tags(html).named("video")] == [
        "media/000-0.mp4", "../../../clips/clip-0.mp4", "../../../clips/clip-1.mp4"
    ]  # fmt: skip
    for text in ("a red circle", "0.500", "0.400", "0.2–2.2 s", "seed 0", "what clip-1 shows",
                 run.fingerprint, "ab" * 32, "cd" * 32, "0123456789ab v0001"):  # fmt: skip
        assert text in html


def test_the_picture_that_videos_start_from_is_beside_them(store: Store, clips: Path) -> None:
    run = run_in(store, ["x"], sorted(clips.glob("*.mp4")))
    page = store.local_path(f"{run.folder}/report.html")
    rows = list(read_generations(store, run))

    def shown(image: str, **served: object) -> str | None:
        view = RunView(store, run, page, **served)
        [prompt] = view.group_prompts([row | {"image": image} for row in rows])
        html = render_template("generation.html", page_with(prompt))
        assert [img["src"] for img in Tags(html).named("img")] == [*filter(None, [prompt.image])]
        return prompt.image

    def page_with(prompt: PromptResult) -> GenerationPage:
        return GenerationPage("t", "l", [prompt], {})

    address = "https://a.example/first.JPG?size=2"
    assert shown(str(clips / "own.png")) == "../../../clips/own.png"
    assert shown(address) == address == shown(address, link_clip=lambda *_: None)
    assert shown(str(clips / "own.png"), link_clip=lambda *_: None) is None, "not on a server"
    assert shown(str(clips / "clip-0.mp4")) is None and shown("javascript:a.png") is None


def test_of_a_clip_the_window_plays_that_was_used(store: Store, clips: Path) -> None:
    tags = Tags(html_of(store, run_in(store, ["x"], sorted(clips.glob("*.mp4")))))
    made, *found = tags.named("video")
    assert "data-from" not in made
    assert {(clip["data-from"], clip["data-to"]) for clip in found} == {("0.2", "2.2")}
    assert "../../../clips/clip-0.mp4#t=0.2,2.2" in [a.get("href") for a in tags.named("a")]


def test_a_failure_says_why_and_costs_nothing_else(store: Store, clips: Path) -> None:
    run = run_in(store, ["one", "two"], sorted(clips.glob("*.mp4")), fails={1: "91 tokens"})
    html = html_of(store, run)
    assert "91 tokens" in html and "<b>rejected</b>" in html and "1 of 1 failed" in html
    assert "1 video for 2 prompts" in html and "1 of 2 failed" in html
    assert len(Tags(html).named("video")) == 3


def test_a_withdrawn_clip_is_named_but_not_shown(store: Store, clips: Path) -> None:
    run = run_in(store, ["one"], sorted(clips.glob("*.mp4")))
    html = html_of(store, run, withdrawn={"content of clip-1"})
    assert "clip-1.mp4#t" not in html and ">withdrawn<" in html
    assert len(Tags(html).named("video")) == 2


def test_a_clip_leads_to_all_it_influenced(store: Store, tmp_path: Path) -> None:
    odd = [tmp_path / "-it's $(one).mp4", tmp_path / "two.mp4"]
    html = html_of(store, run_in(store, ["a", "b", "c"], odd))
    buttons = Tags(html).named("button")
    copied = {button["data-copy"] for button in buttons if "data-copy" in button}
    assert copied == {"reelflow provenance --corpus c two",
                      "reelflow provenance --corpus c -- '-it'\"'\"'s $(one)'"}  # fmt: skip
    assert {b["data-find"] for b in buttons if "data-find" in b} == {"-it's $(one)", "two"}
    assert html.count("in 2 more prompts") == 6


def test_samples_share_the_clips_of_their_prompt(store: Store, clips: Path) -> None:
    run = run_in(store, ["x"], sorted(clips.glob("*.mp4")), with_spec(samples=3))
    assert len(Tags(html_of(store, run)).named("video")) == 3 + 2


def test_without_retrieval_the_page_says_so(store: Store) -> None:
    run = run_in(store, ["x"], [Path("none")], with_spec(retrieve=RetrieveSpec(k=0)))
    html = html_of(store, run)
    assert "from the text alone" in html and "clips used" not in html


def test_nothing_that_users_wrote_becomes_markup(store: Store, tmp_path: Path) -> None:
    clips = [tmp_path / HOSTILE.replace("/", "-")] * 2
    run = run_in(store, [HOSTILE], clips, with_spec(negative=HOSTILE), {0: HOSTILE})
    assert safe(html_of(store, run))
    run = run_in(store, [HOSTILE], clips, with_spec(negative=HOSTILE), corpus=HOSTILE)
    assert safe(html_of(store, run))


def test_nothing_is_fetched_from_elsewhere(store: Store, clips: Path) -> None:
    html = html_of(store, run_in(store, ["x"], sorted(clips.glob("*.mp4"))))
    assert [link["href"] for link in Tags(html).named("link")] == ["data:,"]
    assert not re.search(r"https?://|url\(|@import", html)


def test_every_setting_is_there_by_its_name() -> None:
    spec = with_spec(vae_tiling=True, negative="blur")
    said = head.list_settings(Run("c", spec, "1", {"model": "ab" * 32}, None, None, ()))
    assert said["retrieve.k"] == "2" and said["vae_tiling"] == "yes" and said["negative"] == "blur"
    assert said["rag.guidance"] == "–" and said["model digest"] == "ab" * 32


SOME, MANY = 12, 500


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Pages of as many prompts, each with a generated video and two long clips; prompt 7 failed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    folder = tmp_path_factory.mktemp("generated")
    clips = [golden.clip(folder / f"clip-{n}.mp4", frames=120) for n in range(2)]
    store = Store(str(folder / "store"))

    @cache
    def page_with(prompts: int) -> Path:
        run = run_in(store, [f"cat {n}." for n in range(prompts)], clips, fails={7: "91 tokens"})
        page = store.local_path(f"{run.folder}/report.html")
        write_html(page, render_template("generation.html", page_of(store, run, page)))
        return page

    return page_with


@pytest.fixture(scope="module")
def browser(pages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with opened(pages(SOME), tmp_path_factory.mktemp("profile"), 1280) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, pages) -> Tab:
    """A page of some prompts, just opened."""
    browser.show(pages(SOME), 1280)
    browser.until(COUNT, bool)
    return browser


@pytest.mark.parametrize("width", [1280, 390])
def test_five_hundred_prompts_take_players_for_what_is_in_view_only(
    browser: Tab, pages, width: int
) -> None:
    tab = browser
    tab.show(pages(MANY), width)
    clips = playing(tab)
    assert len(clips) == 3 * MANY - 3  # the failed one has none
    assert sum(not clip["waits"] for clip in clips) < 20
    assert all(clip["muted"] and clip["height"] > 50 for clip in seen(clips))
    assert clips[0]["width"] == 64 and clips[0]["crisp"] and not clips[1]["crisp"]
    assert tab.look(WIDER) is False
    tab.look("document.querySelector('section:last-of-type').scrollIntoView()")
    clips = tab.until(CLIPS, lambda clips: clips[-3]["plays"] and clips[0]["waits"])
    assert clips[-3]["plays"] and clips[0]["waits"]
    assert tab.complaints == []


def test_of_a_long_clip_only_the_window_plays(tab: Tab) -> None:
    late = tab.until(CLIPS, lambda clips: clips[1]["at"] > 1.8)[1]["at"]
    early = tab.until(CLIPS, lambda clips: clips[1]["at"] < 1.0)[1]["at"]
    assert late < 3.0 and 0.1 < early < 1.0


def test_prompts_can_be_found_sorted_and_failures_picked(tab: Tab) -> None:
    assert tab.look(COUNT) == f"{SOME} prompts"
    for order, first in (("best", "cat 11."), ("failed", "cat 7."), ("", "cat 0.")):
        choose(tab, "sort", order)
        assert tab.look(FIRST) == first
    choose(tab, "find", "CAT 11.")
    assert tab.look(COUNT) == f"1 of {SOME} prompts"
    choose(tab, "find", "")
    tab.look("document.querySelector('[data-only=failed]').click()")
    assert tab.look(COUNT) == f"1 of {SOME} prompts" and tab.look(FIRST) == "cat 7."


def test_a_clip_finds_the_other_prompts_that_it_conditioned(tab: Tab) -> None:
    tab.look("document.querySelector('[data-find=clip-0]').click()")
    assert tab.look("document.getElementById('find').value") == "clip-0"
    assert tab.look(COUNT) == f"{SOME - 1} of {SOME} prompts"  # one failed, without clips


def test_all_videos_pause_and_go_on(tab: Tab) -> None:
    playing(tab)
    tab.look("document.getElementById('pause').click()")
    assert not any(clip["plays"] for clip in tab.look(CLIPS))
    tab.look("document.getElementById('pause').click()")
    assert all(clip["plays"] for clip in seen(playing(tab)))


def test_every_control_is_reached_with_the_keyboard(tab: Tab) -> None:
    reached = [_tabbed(tab) for _ in range(14)]
    assert reached[:6] == ["SUMMARY", "find", "pause", "INPUT", "sort", "A"]
    assert {"OL", "A", "BUTTON"} <= set(reached[6:])  # the clips' scroller, links, commands


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_is_light_or_dark_as_its_reader_likes(tab: Tab, scheme: str) -> None:
    liked = {"name": "prefers-color-scheme", "value": scheme}
    tab.ask("Emulation.setEmulatedMedia", features=[liked])
    paper = tab.look("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 3 * 64) == (scheme == "dark")


def _tabbed(tab: Tab) -> str:
    """What has the focus after one more press of Tab: its id, or its kind."""
    for kind in ("keyDown", "keyUp"):
        tab.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab",
                windowsVirtualKeyCode=9)  # fmt: skip
    return tab.look("document.activeElement.id || document.activeElement.tagName")
