"""What the demo generates: prompts for motions that the base model has no words for, judged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.runs.generations import generations, run_of
from data.specs.evaluate import EvaluateSpec
from data.workspace import Workspace
from engines.tiny.t2v.prompts import prompts
from tasks.generate.shard import generate_spec
from tasks.report.run import write_report

FILE = "prompts.jsonl"
TRIALS = {"with clips": generate_spec(), "without clips": generate_spec(retrieve={"k": 0})}
MEASURED = EvaluateSpec(
    metrics=("moving_shapes", "text_similarity", "temporal_consistency"), num_frames=None
)


@dataclass(frozen=True, slots=True)
class Generated:
    """The videos of the demo's run: how many, how right, how fast, and their page.

    `means` are those of each metric, `without` those of the same prompts without clips.
    """

    run: str
    videos: int
    means: dict[str, float]
    without: dict[str, float]
    seconds_a_video: float
    page: Path

    def summary(self) -> dict[str, Any]:
        """What `summary.json` says."""
        return {
            "videos": self.videos,
            "motion_accuracy": self.means["motion"],
            "appearance_accuracy": self.means["appearance"],
            "means": self.means,
            "means_without_clips": self.without,
            "seconds_a_video": self.seconds_a_video,
        }


def write_prompts(folder: Path, count: int) -> Path:
    """A file of prompts, with what each of them asks for."""
    file = folder / FILE
    lines = [json.dumps(row) for row in prompts(count)]
    file.write_text("\n".join(lines) + "\n")
    return file


def judged(
    workspace: Workspace, folder: Path, found: Mapping[str, Any], without: Mapping[str, Any]
) -> Generated:
    """What evaluations found in the run's videos and in those without clips, and their page."""
    run = run_of(workspace.store, found["source"])
    rows = [row for row in generations(workspace.store, run) if row["reason"] is None]
    page = folder / "generated.html"
    write_report.fn(workspace, run.folder, page)
    seconds = sum(row["seconds"] for row in rows) / max(len(rows), 1)
    return Generated(run.fingerprint, len(rows), _means(found), _means(without), seconds, page)


def _means(found: Mapping[str, Any]) -> dict[str, float]:
    return {mean["metric"]: mean["mean"] for mean in found["methods"][0]["means"]}
