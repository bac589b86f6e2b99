"""The demo of motion: pictures that do not tell how they go on, moved as retrieved clips move."""

import os
from pathlib import Path
from typing import Any

from data.specs.encode import CaptionSpec
from data.specs.models import SHAPES_MOTION
from data.specs.motion import MotionFeaturesSpec
from tasks.demo.demo import time_part
from tasks.demo.motion import build_demo_spec, make_clips

CORPUS = "eight-ways"
# The base alone comes first; the last three are controls.
CONDITIONS = ["best k=1", "context k=9", "context shuffled", "backwards k=9", "truth k=1"]


def demo_motion(folder: Path, videos: int = 300, prompts: int = 12) -> dict[str, Any]:
    """Makes clips in `folder`, describes their motion, generates by it and without; writes a page.

    Returns the experiment's record with its page, and the seconds of each part.
    """
    from flows.caption_vectors import caption_vectors
    from flows.experiment import experiment_motion
    from flows.ingest import ingest
    from flows.motion_features import motion_features
    from flows.report import report

    seconds: dict[str, float] = {}
    with time_part(seconds, "clips"):
        table, asked = make_clips(folder / CORPUS, videos, prompts)
    os.environ["REELFLOW_ROOT"] = str(folder / "store")  # where flows look
    with time_part(seconds, "ingest"):
        ingest(str(table), CORPUS)
    with time_part(seconds, "captions"):
        caption_vectors(CORPUS, CaptionSpec(column="motion_caption"))
    with time_part(seconds, "motion features"):
        motion_features(CORPUS, MotionFeaturesSpec(controller=SHAPES_MOTION))
    with time_part(seconds, "videos"):
        result = experiment_motion(CORPUS, str(asked), build_demo_spec(), "truth", CONDITIONS)
    page = folder / "motion.html"
    report(result["experiment"], str(page))
    return result | {"page": page, "seconds": seconds}
