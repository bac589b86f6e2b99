"""Pictures of Prefect's UI over real runs: `python tests/screenshots.py FOLDER`, with Chromium.

Starts a service of its own, has its worker run a pipeline with failures and plan a backfill, and
photographs what an operator looks at. Not part of the test run: it is for looking.
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
CORPUS = "news"
SOURCE = "fake://2000?undecodable=31&empty=12&missing=5"
ENDED = ("COMPLETED", "FAILED", "CRASHED", "PAUSED")
SETTLES_S = 3.0  # what a page fades in


def main(folder: Path) -> None:
    """Every picture, in the folder."""
    from data.settings import Settings
    from tasks.automations import apply
    from tasks.service import start, stop

    with tempfile.TemporaryDirectory() as root:
        os.environ |= {
            "PREFECT_HOME": f"{root}/prefect", "PREFECT_WORKER_QUERY_SECONDS": "2",
            "REELFLOW_RUNNER": "in_process", "REELFLOW_SHARD_SIZE": "100",
        }  # fmt: skip
        service = start(Settings(root=f"{root}/store"), "127.0.0.1", free_ports(1)[0])
        try:
            apply(service.api)
            photograph(service.api, service.url, folder, Path(root) / "browser")
        finally:
            stop(service)


def photograph(api: str, ui: str, folder: Path, profile: Path) -> None:
    """Runs what is looked at, then looks."""
    folder.mkdir(parents=True, exist_ok=True)
    fake = {"engine": "fake", "every_nth": 1}
    given = {"corpus": CORPUS, "source": SOURCE, "embed_spec": fake}
    ran(api, "pipeline/nightly", given)
    ran(api, "backfill/backfill", {"corpus": CORPUS, "spec": fake | {"every_nth": 2}})
    form = f"deployments/deployment/{deployment(api, 'pipeline/nightly')}/run"

    def run(flow: str) -> str:
        return f"v2/runs/flow-run/{newest(api, flow)}"

    pages = {  # and a word that each shows once it is there
        "deployments": ("v2/deployments", "compare-vectors"),
        "automations": ("v2/automations", "vanished"),
        "form": (f"v2/{form}", "the corpus to bring up to date"),
        "pipeline": (f"{run('pipeline')}?tab=Artifacts", "Completed"),
        "embed": (f"{run('embed')}?tab=Artifacts", "failures"),
        "log": (f"{run('embed')}?tab=Logs", "shard"),
        "approval": (run("backfill-embed").removeprefix("v2/"), "Resume"),  # which v2 has not
    }
    for key in ("embed-progress", "embed-failures-table", "embed", "backfill-embed"):
        pages[f"artifact-{key}"] = (f"v2/artifacts/artifact/{artifact(api, key)}", CORPUS)
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


def newest(api: str, flow: str) -> str:
    """The id of the flow's newest run on the corpus."""
    chosen = {
        "flow_runs": {"name": {"any_": [f"{flow}-{CORPUS}"]}},
        "sort": "START_TIME_DESC",
        "limit": 1,
    }
    return asked(f"{api}/flow_runs/filter", chosen)[0]["id"]


def artifact(api: str, kind: str) -> str:
    """The id of the newest artifact of this kind on the corpus."""
    chosen = {
        "artifacts": {"key": {"any_": [f"{kind}-{CORPUS}"]}},
        "sort": "CREATED_DESC",
        "limit": 1,
    }
    return asked(f"{api}/artifacts/filter", chosen)[0]["id"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
