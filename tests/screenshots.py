"""Pictures of what people look at: `python tests/screenshots.py FOLDER [DEMO]`, with Chromium.

Starts a service of its own, has its worker run a pipeline over fakes with failures, one over
moving shapes from ingest to scores, a night with one bad row of each kind and one that fails, look
after it, and plan a backfill, and photographs what an operator looks at. Where DEMO is the folder
of a demo, its pages too. Pictures in docs/ are from here, by these names. Not part of the test run:
it is for looking.
"""

import base64
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from support.bad_night import write_bad_table
from support.browser import Tab, opened
from support.running import asked, free_ports

SIZE = {"width": 1280, "height": 900}
CORPUS, SHAPES, WILD = "news", "shapes", "wild"
SOURCE = "fake://600?undecodable=31&empty=12&missing=5"
ARTIFACTS = {  # by their pictures
    "progress": ("embed-progress", CORPUS), "failures": ("embed-failures-table", CORPUS),
    "figures": ("embed", CORPUS), "backfill": ("backfill-embed", CORPUS),
    "stages": ("pipeline", SHAPES), "videos": ("ingest-sheet", SHAPES),
    "sheet": ("generate-sheet", SHAPES), "generated": ("generate", SHAPES),
    "maintained": ("maintain", SHAPES), "night-failures": ("ingest-failures-table", WILD),
    "night-stages": ("pipeline", WILD),
}  # fmt: skip
HIGH = {
    "backfill": 870,
    "sheet": 620,
    "failures": 470,
    "night": 830,
    "night-failures": 590,
    "night-stages": 700,
    "log": 610,
    "form": 692,
}  # what there is to see ends there
LOGS = (256, 500)  # left of them are the menu, above them when it happened
FIRST = "[...document.querySelectorAll('video')].slice(0, 2)"
PLAYING = f"{FIRST}.length > 0 && {FIRST}.every(video => video.readyState > 2)"
SEARCH = "?q=a+red+circle+moving"
SCREENS = "document.querySelectorAll('.tile .screen')"
LASSO = """(() => { const map = document.querySelector('#map'), box = map.getBoundingClientRect();
    map.setPointerCapture = () => {};
    const places = [[.2, .45], [.22, .3], [.3, .28], [.36, .38], [.36, .55], [.3, .66], [.2, .6]];
    places.forEach(([x, y], n) => map.dispatchEvent(new PointerEvent(n ? 'pointermove' :
        'pointerdown', { clientX: box.x + x * box.width, clientY: box.y + y * box.height,
        buttons: 1, pointerId: 1 }))); })()"""
CHOOSE = """(() => { const ticks = [...document.querySelectorAll('.tick')];
    ticks.slice(0, 4).forEach(each => each.click());
    document.querySelector('#tray .strong').click(); })()"""
AROUND = {  # pictures of the page to look around: its address, and what somebody does there
    "browse-search": (SEARCH, f"{SCREENS}[5].dispatchEvent(new PointerEvent('pointerenter'))"),
    "browse-video": (SEARCH, f"{SCREENS}[9].click()"),
    "browse-selection": (SEARCH, CHOOSE),
    "browse-map": ("map?colour=shape", LASSO),
    "browse-dark": ("?q=a+green+cross+on+stripes&moments", "0"),
    "browse-phone": ("?q=green", "0"),
}
DRAWN = """Boolean(document.getElementById('map')?.width) ||
    (document.querySelectorAll('.tile .curve').length > 7 &&
    document.querySelectorAll('.tile img.there').length > 11)"""
DEMO = ("report", "leaderboard", "experiment")
ENDED = ("COMPLETED", "FAILED", "CRASHED", "PAUSED")
SETTLES_S = 3.0  # what a page fades in


def main(folder: Path, demo: Path | None = None) -> None:
    """Every picture, in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    look_at_films(folder)
    if demo:
        look_at_pages(folder, demo)
        look_around(folder, demo)
    look_at_service(folder)


def look_at_pages(folder: Path, demo: Path) -> None:
    """The pages that a demo, and an experiment on it, left."""
    for name in DEMO:
        if (page := demo / f"{name}.html").exists():
            look_at_page(folder, page, name)


def look_at_page(folder: Path, page: Path, name: str) -> None:
    """A page whose first videos play."""
    with tempfile.TemporaryDirectory() as profile, opened(page, Path(profile), **SIZE) as tab:
        tab.until(PLAYING, bool)
        look_again(tab, folder, name)


def look_at_films(folder: Path) -> None:
    """The pages of near-duplicates and of moments, of films of moving shapes and copies of two."""
    from bench.films import write_shape_films
    from support.copies import write_copies

    from data.specs.models import SHAPES
    from data.specs.pipeline import EmbedSpec, IndexSpec
    from data.specs.retrieve import RetrieveSpec
    from flows.dedup import dedup
    from flows.pipeline import pipeline
    from flows.retrieve import retrieve

    with tempfile.TemporaryDirectory() as root:
        films, pages = Path(root) / "films", Path(root)
        write_shape_films(films, 8, 4, 7)
        for film in sorted(films.glob("*.mp4"))[:2]:
            write_copies(film, films, ("re-encoded", "letterboxed", "trimmed"))
        os.environ |= {"REELFLOW_ROOT": f"{root}/store", "REELFLOW_RUNNER": "in_process"}
        spec = EmbedSpec(model=SHAPES, every_nth=None, fps=5)
        pipeline("films", str(films), embed_spec=spec, index_spec=IndexSpec(gate=0),
                 index_frames=True)  # fmt: skip
        dedup("films", report=str(pages / "pairs.html"))
        (pages / "prompts.txt").write_text("a red circle moving\na green cross on stripes\n")
        asked = RetrieveSpec(moments=True, k=3, where="duplicate_of is null")
        retrieve("films", str(pages / "prompts.txt"), str(pages / "hits.parquet"), asked,
                 str(pages / "moments.html"))  # fmt: skip
        for name in ("pairs", "moments"):
            look_at_page(folder, pages / f"{name}.html", name)


def look_around(folder: Path, demo: Path) -> None:
    """The page that `reelflow browse` serves over the demo's store."""
    from support.browsed import running

    from data.settings import Settings

    with running(Settings(root=str(demo / "store"))) as url, tempfile.TemporaryDirectory() as home:
        blank = Path(home) / "blank.html"
        blank.write_text("")
        for name, (address, script) in AROUND.items():
            wide, high = (390, 844) if name == "browse-phone" else (1280, 860)
            with opened(blank, Path(home) / name, wide, high) as tab:
                if name in ("browse-dark", "browse-phone"):
                    dark = {"name": "prefers-color-scheme", "value": "dark"}
                    tab.ask("Emulation.setEmulatedMedia", features=[dark])
                tab.ask("Emulation.setScrollbarsHidden", hidden=True)
                tab.ask("Page.navigate", url=f"{url}/#{address}")
                tab.until(DRAWN, bool)
                tab.look(script)
                time.sleep(2 * SETTLES_S)
                look_again(tab, folder, name)


def look_at_service(folder: Path) -> None:
    """The pages of a service that has done something."""
    from data.settings import Settings
    from tasks.service.service import stop_service
    from tasks.service.start import start_service

    with tempfile.TemporaryDirectory() as root:
        os.environ |= {
            "PREFECT_HOME": f"{root}/prefect", "PREFECT_WORKER_QUERY_SECONDS": "2",
            "REELFLOW_RUNNER": "in_process", "REELFLOW_SHARD_SIZE": "100",
            "REELFLOW_PRICE_PER_GPU_HOUR": "2.5",
        }  # fmt: skip
        service = start_service(Settings(root=f"{root}/store"), "127.0.0.1", free_ports(1)[0])
        try:
            work(service.api, Path(root))
            photograph(service.api, service.url, folder, Path(root) / "browser")
        finally:
            stop_service(service)


def work(api: str, folder: Path) -> None:
    """Runs what is looked at."""
    from tasks.demo.demo import make_corpus
    from tasks.demo.generated import MEASURES, write_prompts
    from tasks.generate.spec import build_generate_spec

    fake = {"engine": "fake", "every_nth": 1}
    ran(api, "pipeline/nightly", {"corpus": CORPUS, "source": SOURCE, "embed_spec": fake})
    given = {
        "corpus": SHAPES, "source": str(make_corpus(folder / "shapes", 24)),
        "prompts": str(write_prompts(folder, 3)), "measure": MEASURES.model_dump(),
        "generate_spec": build_generate_spec(steps=8).model_dump(),
    }  # fmt: skip
    ran(api, "pipeline/nightly", given)
    table = str(write_bad_table(folder / "wild"))
    ran(api, "pipeline/nightly", {"corpus": WILD, "source": table, "embed_spec": fake})
    ran(api, "pipeline/nightly", {"corpus": "lost", "source": str(folder / "not mounted")})
    ran(api, "maintain/maintain", {"corpus": SHAPES})
    ran(api, "backfill/backfill", {"corpus": CORPUS, "spec": fake | {"every_nth": 2}})


def photograph(api: str, ui: str, folder: Path, profile: Path) -> None:
    """Looks at it, page by page."""
    form = f"deployments/deployment/{deployment(api, 'pipeline/nightly')}/run"

    def run(flow: str, corpus: str = CORPUS) -> str:
        return f"v2/runs/flow-run/{newest(api, flow, corpus)}"

    made = "%5B%22prefect.asset.materialization.succeeded%22%5D"  # of events, the kinds shown

    pages = {  # and a word that each shows once it is there
        "deployments": ("v2/deployments", "compare-vectors"),
        "automations": ("v2/automations", "vanished"),
        "form": (f"v2/{form}", "the corpus to bring up to date"),
        "pipeline": (f"{run('pipeline', SHAPES)}?tab=Artifacts", "Completed"),
        "story": (f"{run('pipeline', SHAPES)}?tab=Logs", "index:"),
        "night": (f"{run('pipeline', WILD)}?tab=Artifacts", "Completed"),
        "night-failed": (f"{run('pipeline', 'lost')}?tab=Logs", "Failed"),
        "generate": (f"{run('generate', SHAPES)}?tab=Artifacts", "Completed"),
        "evaluate": (f"{run('evaluate', '')}?tab=Artifacts", "Completed"),
        "maintain": (f"{run('maintain', SHAPES)}?tab=Artifacts", "Completed"),
        "events": (f"v2/events?events={made}", "Asset"),
        "run": (f"{run('embed')}?tab=Artifacts", "failures"),
        "log": (f"{run('embed')}?tab=Logs", "shard"),
        "approval": (run("backfill").removeprefix("v2/"), "Resume"),  # which v2 has not
    }
    for name, (kind, corpus) in ARTIFACTS.items():
        pages[name] = (f"v2/artifacts/artifact/{artifact(api, f'{kind}-{corpus}')}", corpus)
    blank = profile.with_suffix(".html")
    blank.write_text("")
    with opened(blank, profile, **SIZE) as tab:
        for name, (page, word) in pages.items():
            visit(tab, f"{ui}/{page}", word)
            keep(tab, folder, name)


def visit(tab: Tab, url: str, word: str) -> None:
    """Opens a page, until it shows the word and nothing of it moves any more."""
    tab.ask("Page.navigate", url=url)
    text = tab.until("document.body?.innerText", lambda text: bool(text) and word in text)
    assert word in (text or ""), f"{url} does not show {word!r}"
    time.sleep(SETTLES_S)


def keep(tab: Tab, folder: Path, name: str) -> None:
    """Writes the open page as a picture."""
    (left, top), high = LOGS if name in ("log", "story") else (0, 0), HIGH.get(name, SIZE["height"])
    shown = {"x": left, "y": top, "width": SIZE["width"] - left, "height": high, "scale": 1}
    made = tab.ask("Page.captureScreenshot", clip=shown, captureBeyondViewport=True)
    write_picture(folder, name, made)


def look_again(tab: Tab, folder: Path, name: str) -> None:
    """Writes what the window shows; a first look draws what fades in or begins to play."""
    tab.ask("Page.captureScreenshot")
    time.sleep(SETTLES_S)
    write_picture(folder, name, tab.ask("Page.captureScreenshot"))


def write_picture(folder: Path, name: str, made: dict[str, Any]) -> None:
    """Writes what the browser has captured."""
    file = folder / f"{name}.png"
    file.write_bytes(base64.b64decode(made["data"]))
    print(file)


def deployment(api: str, name: str) -> str:
    """Its id."""
    return asked(f"{api}/deployments/name/{name}")["id"]


def ran(api: str, name: str, parameters: dict[str, Any]) -> None:
    """A run of a deployment, come to its end or to its pause."""
    made = asked(
        f"{api}/deployments/{deployment(api, name)}/create_flow_run", {"parameters": parameters}
    )
    while (run := asked(f"{api}/flow_runs/{made['id']}"))["state"]["type"] not in ENDED:
        time.sleep(1)
    print(run["name"], run["state"]["name"], run["state"]["message"] or "")


def newest(api: str, flow: str, about: str) -> str:
    """The id of the flow's newest run with this in its name."""
    chosen = {
        "flows": {"name": {"any_": [flow]}},
        "flow_runs": {"name": {"like_": about}},
        "sort": "START_TIME_DESC",
        "limit": 1,
    }
    return asked(f"{api}/flow_runs/filter", chosen)[0]["id"]


def artifact(api: str, key: str) -> str:
    """The id of the newest artifact of this key."""
    chosen = {
        "artifacts": {"key": {"any_": [key]}},
        "sort": "CREATED_DESC",
        "limit": 1,
    }
    return asked(f"{api}/artifacts/filter", chosen)[0]["id"]


if __name__ == "__main__":
    main(*(Path(each).resolve() for each in sys.argv[1:]))
