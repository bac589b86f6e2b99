"""Pictures of Prefect's UI over real runs: `python tests/screenshots.py FOLDER`, with Chromium.

Starts a service of its own, has its worker run a pipeline over fakes with failures, one over
moving shapes from ingest to scores, and plan a backfill, and photographs what an operator looks at.
Not part of the test run: it is for looking.
"""

import base64
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from browser import Tab, opened
from running import asked, free_ports

SIZE = {"width": 1280, "height": 900}
CORPUS, SHAPES = "news", "shapes"
SOURCE = "fake://600?undecodable=31&empty=12&missing=5"
ARTIFACTS = (
    ("embed-progress", CORPUS), ("embed-failures-table", CORPUS), ("embed", CORPUS),
    ("backfill-embed", CORPUS), ("pipeline", SHAPES), ("ingest-sheet", SHAPES),
    ("generate-sheet", SHAPES), ("generate", SHAPES),
)  # fmt: skip
ENDED = ("COMPLETED", "FAILED", "CRASHED", "PAUSED")
SETTLES_S = 3.0  # what a page fades in


def main(folder: Path) -> None:
    """Every picture, in the folder."""
    from data.settings import Settings
    from tasks.automations import apply
    from tasks.service import stop
    from tasks.service_start import start

    with tempfile.TemporaryDirectory() as root:
        os.environ |= {
            "PREFECT_HOME": f"{root}/prefect", "PREFECT_WORKER_QUERY_SECONDS": "2",
            "REELFLOW_RUNNER": "in_process", "REELFLOW_SHARD_SIZE": "100",
            "REELFLOW_PRICE_PER_GPU_HOUR": "2.5",
        }  # fmt: skip
        service = start(Settings(root=f"{root}/store"), "127.0.0.1", free_ports(1)[0])
        try:
            apply(service.api)
            work(service.api, Path(root))
            photograph(service.api, service.url, folder, Path(root) / "browser")
        finally:
            stop(service)


def work(api: str, folder: Path) -> None:
    """Runs what is looked at."""
    from tasks.demo import make_corpus
    from tasks.demo_generated import MEASURED, write_prompts
    from tasks.generate import generate_spec

    fake = {"engine": "fake", "every_nth": 1}
    ran(api, "pipeline/nightly", {"corpus": CORPUS, "source": SOURCE, "embed_spec": fake})
    given = {
        "corpus": SHAPES, "source": str(make_corpus(folder / "shapes", 24)),
        "prompts": str(write_prompts(folder, 3)), "measure": MEASURED.model_dump(),
        "generate_spec": generate_spec(steps=8).model_dump(),
    }  # fmt: skip
    ran(api, "pipeline/nightly", given)
    ran(api, "backfill/backfill", {"corpus": CORPUS, "spec": fake | {"every_nth": 2}})


def photograph(api: str, ui: str, folder: Path, profile: Path) -> None:
    """Looks at it, page by page."""
    folder.mkdir(parents=True, exist_ok=True)
    form = f"deployments/deployment/{deployment(api, 'pipeline/nightly')}/run"

    def run(flow: str, corpus: str = CORPUS) -> str:
        return f"v2/runs/flow-run/{newest(api, f'{flow}-{corpus}')}"

    pages = {  # and a word that each shows once it is there
        "deployments": ("v2/deployments", "compare-vectors"),
        "automations": ("v2/automations", "vanished"),
        "form": (f"v2/{form}", "the corpus to bring up to date"),
        "pipeline": (f"{run('pipeline', SHAPES)}?tab=Artifacts", "Completed"),
        "story": (f"{run('pipeline', SHAPES)}?tab=Logs", "index:"),
        "generate": (f"{run('generate', SHAPES)}?tab=Artifacts", "Completed"),
        "events": ("v2/events", "Asset"),
        "embed": (f"{run('embed')}?tab=Artifacts", "failures"),
        "log": (f"{run('embed')}?tab=Logs", "shard"),
        "approval": (run("backfill-embed").removeprefix("v2/"), "Resume"),  # which v2 has not
    }
    for kind, corpus in ARTIFACTS:
        found = artifact(api, f"{kind}-{corpus}")
        pages[f"artifact-{kind}"] = (f"v2/artifacts/artifact/{found}", corpus)
    blank = profile.with_suffix(".html")
    blank.write_text("")
    with opened(blank, profile, **SIZE) as tab:
        for name, (page, word) in pages.items():
            file = folder / f"{name}.png"
            file.write_bytes(picture(tab, f"{ui}/{page}", word))
            print(file)


def picture(tab: Tab, url: str, word: str) -> bytes:
    """The page as PNG, once it shows the word and nothing of it moves any more."""
    tab.ask("Page.navigate", url=url)
    tab.until("document.body?.innerText", lambda text: bool(text) and word in text)
    time.sleep(SETTLES_S)
    return base64.b64decode(tab.ask("Page.captureScreenshot")["data"])


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


def newest(api: str, name: str) -> str:
    """The id of the newest run of this name."""
    chosen = {
        "flow_runs": {"name": {"any_": [name]}},
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
    main(Path(sys.argv[1]))
