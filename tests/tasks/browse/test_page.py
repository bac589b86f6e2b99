"""The page in headless Chromium: one server, one small store, one browser for all tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browsed import GONE, LONG, fill, look_through, running
from support.browser import CHROMIUM, Tab, opened
from support.corpora import table
from support.pages import HOSTILE
from support.plain import PlainFlows

from data.settings import Settings
from flows.ingest import ingest

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")

SHOWN = "document.documentElement.dataset.shown"
IDS = "[...document.querySelectorAll('.tile .id')].map(each => each.textContent)"
SHEET = "document.getElementById('sheet').innerText"


@pytest.fixture(scope="module")
def address(plain_flows, shared_workspace, _clips: Path, tmp_path_factory) -> Iterator[str]:
    clips = Path(shutil.copytree(_clips, tmp_path_factory.mktemp("films") / "clips"))
    with plain_flows.switched(True):
        fill(shared_workspace, clips)
        look_through(shared_workspace)
    with running(Settings()) as url:
        yield url


@pytest.fixture(scope="module")
def tab(address: str, tmp_path_factory) -> Iterator[Tab]:
    folder = tmp_path_factory.mktemp("browser")
    blank = folder / "blank.html"
    blank.write_text("")
    with opened(blank, folder / "profile", 1280) as tab:
        tab.ask("Page.navigate", url=address)
        tab.until(SHOWN, lambda shown: shown == "12")
        yield tab
        faults = [each for each in tab.complaints if "exceptionDetails" in each]
        assert not faults, faults


@pytest.fixture(autouse=True)
def _start_afresh(tab: Tab) -> None:
    tab.look("document.querySelector('.brand').click()")
    tab.until(IDS, lambda ids: ids[:1] == ["clip-0"])


def says(words: str) -> str:
    """Whether the page shows the words; in the middle of a visit there is no page."""
    return f"Boolean(document.body?.innerText.includes({words!r}))"


def type_words(tab: Tab, words: str) -> None:
    tab.look(f"""(() => {{ const box = document.getElementById('words'); box.value = {words!r};
        box.dispatchEvent(new Event('input')); }})()""")


def write_condition(tab: Tab, condition: str) -> None:
    tab.look(f"""(() => {{ const box = document.getElementById('where'); box.value = {condition!r};
        box.selectionStart = box.selectionEnd = box.value.length;
        box.dispatchEvent(new Event('input')); }})()""")


def drag(tab: Tab, selector: str, places: list[tuple[float, float]]) -> None:
    """Presses on an element, moves through places (shares of its box), and lets go."""
    box = tab.look(f"""(() => {{ const box = document.querySelector({selector!r})
        .getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; }})()""")
    points = [(box[0] + x * box[2], box[1] + y * box[3]) for x, y in places]
    kinds = ["mousePressed", *["mouseMoved"] * len(points[1:-1]), "mouseReleased"]
    for kind, (x, y) in zip(kinds, points, strict=True):
        tab.ask(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
        )


def test_hostile_texts_are_shown_as_they_are(tab: Tab) -> None:
    assert tab.look("document.querySelector('.caption').textContent") == HOSTILE
    assert tab.look(IDS).count(LONG) == 1
    assert tab.look("document.documentElement.scrollWidth <= innerWidth")
    assert tab.look("document.querySelectorAll('script').length") == 1


def test_a_lost_file_and_a_broken_one_say_so(tab: Tab) -> None:
    said = tab.until(
        "[...document.querySelectorAll('.gone')].map(each => each.textContent).sort()",
        lambda said: len(said) == 2,
    )
    assert said == ["cannot be decoded", "the file is gone"]
    assert GONE in tab.look(IDS)


def test_words_search_as_they_are_typed_and_hits_play_under_the_pointer(tab: Tab) -> None:
    type_words(tab, "a red circle")
    tab.until("document.querySelectorAll('.tile .curve').length", lambda count: count >= 4)
    assert tab.look(SHOWN) == "9"
    assert "q=a+red+circle" in tab.look("location.hash")
    where = tab.look(f"""(() => {{ const all = [...document.querySelectorAll('.tile')];
        const tile = all.find(each => each.innerText.includes('clip-1'));
        const box = tile.querySelector('.screen').getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2, all.length, {IDS}.length]; }})()""")
    tab.ask("Input.dispatchMouseEvent", type="mouseMoved", x=where[0], y=where[1])
    played = tab.until("document.querySelector('.tile video.plays')?.currentTime ?? 0", bool)
    assert played > 0


def test_filters_narrow_by_value_and_by_condition(tab: Tab) -> None:
    box = "document.querySelector('[data-column=shape] .values label')"
    tab.until(f"Boolean({box})", bool)
    tab.look(f"{box}.click()")
    tab.until(SHOWN, lambda shown: shown == "6")
    write_condition(tab, "number < 12 AND numb")
    assert tab.look(
        "[...document.querySelectorAll('.hints button')].map(each => each.textContent)"
    ) == ["number"]
    assert tab.until("document.getElementById('where-error').textContent", bool)
    assert tab.look(SHOWN) == "6"  # a half-written condition empties nothing
    write_condition(tab, "number < 12")
    tab.until(SHOWN, lambda shown: shown == "2")


def test_a_video_has_a_page_with_neighbours_and_history(tab: Tab) -> None:
    type_words(tab, "something short")
    tab.until("document.querySelectorAll('.tile .curve').length", lambda count: count >= 4)
    tab.look(f"""[...document.querySelectorAll('.tile')].find(each =>
        each.innerText.includes('clip-2') || each.innerText.includes({LONG[:20]!r}))
        .querySelector('.screen').click()""")
    said = tab.until(SHEET, lambda text: "Nearest videos" in text)
    assert "Similarity to the search" in said and "The same bytes as 1 other" in said
    assert "attempt 1" in said and "wave" in said
    assert "shots over time" in said and "Said and seen" in said
    assert tab.look("document.querySelectorAll('.lane.shots .shot').length") > 1
    tab.look("document.querySelector('.texts li:last-child button').click()")
    at = "document.querySelector('#sheet video').currentTime"
    assert tab.until(at, lambda seconds: (seconds or 0) > 0) > 0
    tab.look("document.querySelector('#sheet .close').click()")
    assert "video=" not in tab.until("location.hash", lambda hash: "video=" not in hash)


def test_a_selection_and_a_lasso_become_files(tab: Tab) -> None:
    tab.look("[...document.querySelectorAll('.tick')].slice(0, 2).forEach(each => each.click())")
    assert "2 selected" in tab.look("document.getElementById('tray').innerText")
    tab.look("document.querySelector('#tray .strong').click()")
    said = tab.until(SHEET, lambda text: "reelflow select" in text)
    assert "Export 2 videos" in said and "--source films-table.parquet" in said
    tab.look("document.querySelector('#sheet .close').click()")
    tab.look("document.querySelector('#tray .plain:not(.strong)').click()")
    tab.look("document.querySelector('nav a[data-view=map]').click()")
    tab.until("Boolean(document.getElementById('map')?.width)", bool)
    drag(
        tab,
        "#map",
        [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.5, 0.99), (0.02, 0.98), (0.02, 0.05)],
    )
    assert "Export 11 videos" in tab.until(SHEET, lambda text: "reelflow select" in text)
    tab.look("document.querySelector('#sheet .close').click()")


def test_health_and_runs_say_what_to_type(tab: Tab) -> None:
    said = {"health": "reelflow retry films --reason undecodable", "runs": "reelflow generate"}
    for view, words in said.items():
        tab.look(f"document.querySelector('nav a[data-view={view}]').click()")
        shown = f"document.getElementById('view').innerText.includes({words!r})"
        assert tab.until(shown, bool)


def test_a_phone_has_two_columns_and_no_sideways_scroll(tab: Tab) -> None:
    tab.ask(
        "Emulation.setDeviceMetricsOverride",
        width=390,
        height=844,
        deviceScaleFactor=1,
        mobile=True,
    )
    try:
        lefts = "tiles.map(each => Math.round(each.getBoundingClientRect().x))"
        places = f"""(() => {{ const tiles = [...document.querySelectorAll('.tile')];
            return new Set({lefts}).size; }})()"""
        assert tab.until(places, lambda columns: columns == 2) == 2
        assert tab.look("document.documentElement.scrollWidth <= 390")
    finally:
        tab.ask("Emulation.clearDeviceMetricsOverride")


def test_a_store_that_is_written_to_shows_what_is_new(
    tab: Tab, plain_flows: PlainFlows, tmp_path: Path
) -> None:
    with plain_flows.switched(True):
        ingest(
            table(tmp_path, [{"videoID": "new", "videoLoc": "fake://77", "txt": "new"}]), "films"
        )
    assert tab.until(SHOWN, lambda shown: shown == "13") == "13"
    assert "new" in tab.until(IDS, lambda ids: "new" in ids)


def test_an_empty_store_says_how_to_begin(tab: Tab, address: str, tmp_path: Path) -> None:
    with running(Settings(root=str(tmp_path / "empty"))) as url:
        tab.ask("Page.navigate", url=url)
        assert tab.until(says("There is no corpus here yet"), bool)
        assert tab.look(says("reelflow run my-videos"))
        assert tab.look("document.querySelectorAll('.notice').length") == 0
    assert tab.until(says("does not answer"), bool)
    tab.ask("Page.navigate", url=address)
    tab.until(SHOWN, lambda shown: shown == "13")
