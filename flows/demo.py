"""The demo: a corpus made on the spot, brought through the whole pipeline, searched and judged."""

import json
import os
from pathlib import Path

from data.settings import Settings
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace, open_workspace
from tasks.demo.demo import CORPUS, Demo, complete, look, make_corpus, timed
from tasks.demo.generated import MEASURED, TRIALS, Generated, judged, write_prompts
from tasks.demo.page import demo_page
from tasks.report.retrieval import write_page
from tasks.service.machine import fastest_precision


def demo(folder: Path, videos: int = 2000, prompts: int = 40, generated: int = 12) -> Demo:
    """Makes what is missing in `folder`: `summary.json` and three pages."""
    seconds: dict[str, float] = {}
    with timed(seconds, "corpus"):
        table = make_corpus(folder / "corpus", videos)
    os.environ["REELFLOW_ROOT"] = str(folder / "store")  # where flows look
    workspace = open_workspace(Settings())
    spec = EmbedSpec(precision=fastest_precision())
    with timed(seconds, "orchestration"):
        done = complete(workspace, table, spec)
        stages = {} if done else _run(table, spec)
    seconds["orchestration"] -= sum(stages.values())
    seconds |= stages
    with timed(seconds, "retrieve"):
        found = look(workspace, prompts, folder / "report.html")
    with timed(seconds, "generate"):
        found.generated = _generated(workspace, folder, generated)
    found.seconds.update(seconds)
    write_page(demo_page(found), folder / "report.html")
    (folder / "summary.json").write_text(json.dumps(found.summary(), indent=2) + "\n")
    return found


def _generated(workspace: Workspace, folder: Path, count: int) -> Generated:
    """Videos of motions that the base model has no words for, with clips that show them; measured.

    The same prompts without clips are what they are compared with.
    """
    from flows.evaluate import evaluate
    from flows.generate import generate
    from flows.leaderboard import leaderboard

    asked = str(write_prompts(folder, count))
    found = []
    for name, spec in TRIALS.items():
        made = generate(CORPUS, asked, spec)
        found.append(evaluate(made["run"], methods=[name], spec=MEASURED, prompts=asked))
    leaderboard([each["evaluation"] for each in found], out=str(folder / "leaderboard.html"))
    return judged(workspace, folder, *found)


def _run(table: Path, spec: EmbedSpec) -> dict[str, float]:
    """The seconds that each stage took."""
    from flows.pipeline import pipeline

    made = pipeline(CORPUS, str(table), embed_spec=spec)
    return {stage: summary["took_s"] for stage, summary in made.items()}
