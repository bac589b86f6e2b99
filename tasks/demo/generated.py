"""The demo's generated videos: prompts for motions that the base model has no words for, scored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.runs.generations import read_generations, read_run
from data.specs.evaluate import EvaluateSpec
from data.workspace import Workspace
from engines.tiny.t2v.prompts import build_prompts
from tasks.generate.spec import build_generate_spec
from tasks.report.run import write_report

PROMPTS_FILE = "prompts.jsonl"
TRIALS = {
    "with clips": build_generate_spec(),
    "without clips": build_generate_spec(retrieve={"k": 0}),
}
# Every frame is measured: these scores are compared with each other, not with published ones.
MEASURES = EvaluateSpec(
    metrics=("moving_shapes", "text_similarity", "temporal_consistency"), num_frames=None
)


@dataclass(frozen=True, slots=True)
class DemoGeneration:
    """The demo's generation run: how many videos, their scores, their speed, and their page.

    `means` are the means by metric, `without` those of the same prompts without clips.
    """

    run: str
    videos: int
    means: dict[str, float]
    without: dict[str, float]
    seconds_a_video: float
    page: Path

    def summary(self) -> dict[str, Any]:
        """Returns the run's part of `summary.json`."""
        return {
            "videos": self.videos,
            "motion_accuracy": self.means["motion"],
            "appearance_accuracy": self.means["appearance"],
            "means": self.means,
            "means_without_clips": self.without,
            "seconds_a_video": self.seconds_a_video,
        }


def write_prompts(folder: Path, count: int) -> Path:
    """Writes a file of prompts with the attributes that each of them asks for."""
    file = folder / PROMPTS_FILE
    lines = [json.dumps(row) for row in build_prompts(count)]
    file.write_text("\n".join(lines) + "\n")
    return file


def summarize_generation(
    workspace: Workspace, folder: Path, scored: Mapping[str, Any], without: Mapping[str, Any]
) -> DemoGeneration:
    """Writes the run's page and sums up its evaluation and that of the videos without clips."""
    run = read_run(workspace.store, scored["source"])
    rows = [row for row in read_generations(workspace.store, run) if row["reason"] is None]
    page = folder / "generated.html"
    write_report(workspace, run.folder, page)
    # Failed requests are left out: they have no time of their own.
    seconds = sum(row["seconds"] for row in rows) / max(len(rows), 1)
    means = _mean_by_metric(scored)
    return DemoGeneration(
        run.fingerprint, len(rows), means, _mean_by_metric(without), seconds, page
    )


def _mean_by_metric(evaluation: Mapping[str, Any]) -> dict[str, float]:
    # The demo evaluates one method at a time.
    return {mean["metric"]: mean["mean"] for mean in evaluation["methods"][0]["means"]}
