"""The demo: a corpus made on the spot, brought through the whole pipeline, searched and judged."""

import json
import os
from pathlib import Path

from data.settings import Settings
from data.specs.models import SHAPES
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace, open_workspace
from tasks.demo.demo import CORPUS, Demo, is_complete, make_corpus, measure_retrieval, time_part
from tasks.demo.generated import (
    MEASURES,
    TRIALS,
    DemoGeneration,
    summarize_generation,
    write_prompts,
)
from tasks.demo.page import build_demo_page
from tasks.precision import fastest_precision
from tasks.report.retrieval import write_retrieval


def demo(folder: Path, videos: int = 2000, prompts: int = 40, generated: int = 12) -> Demo:
    """Makes what is missing in `folder`: `summary.json` and three pages."""
    seconds: dict[str, float] = {}
    with time_part(seconds, "corpus"):
        table = make_corpus(folder / "corpus", videos)
    os.environ["REELFLOW_ROOT"] = str(folder / "store")  # where flows look
    workspace = open_workspace(Settings())
    spec = EmbedSpec(model=SHAPES, precision=fastest_precision())
    with time_part(seconds, "orchestration"):
        done = is_complete(workspace, table, spec)
        stages = {} if done else _run_pipeline(table, spec)
    # What remains is what flows and tasks cost beside the stages' own work.
    seconds["orchestration"] -= sum(stages.values())
    seconds |= stages
    with time_part(seconds, "retrieve"):
        found = measure_retrieval(workspace, prompts, folder / "report.html")
    with time_part(seconds, "generate"):
        found.generated = _generate_videos(workspace, folder, generated)
    found.seconds.update(seconds)
    write_retrieval(build_demo_page(found), folder / "report.html")
    (folder / "summary.json").write_text(json.dumps(found.summary(), indent=2) + "\n")
    return found


def _generate_videos(workspace: Workspace, folder: Path, count: int) -> DemoGeneration:
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
        found.append(evaluate(made["run"], methods=[name], spec=MEASURES, prompts=asked))
    leaderboard([each["evaluation"] for each in found], out=str(folder / "leaderboard.html"))
    return summarize_generation(workspace, folder, *found)


def _run_pipeline(table: Path, spec: EmbedSpec) -> dict[str, float]:
    """The seconds that each stage took."""
    from flows.pipeline import pipeline

    made = pipeline(CORPUS, str(table), embed_spec=spec)
    return {stage: summary["took_s"] for stage, summary in made.items()}
