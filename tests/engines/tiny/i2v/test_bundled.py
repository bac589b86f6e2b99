"""The bundled image-to-video pipeline and its release of MotionRAG, as they are committed."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.bundled import generate_clips

from data.records import Request, Source
from data.specs.models import SHAPES_FROM_IMAGES, SHAPES_MOTION
from engines.bundled import IMAGE_TO_VIDEO, RELEASE
from engines.generate.motionrag.features import digest_inputs
from engines.generate.motionrag.window import suit_features
from engines.generate.pipelines.folder import pipeline_digest, pipeline_folder
from engines.tiny.i2v.bank import write_bank, write_prompts
from engines.tiny.i2v.bundle import copy_pipeline, copy_release
from engines.tiny.i2v.heading import find_motion
from engines.tiny.i2v.training_set import MOTIONS
from tasks.generate.spec import build_generate_spec

ASKED = 6


def test_both_are_known_by_name_and_complete() -> None:
    assert pipeline_folder(SHAPES_FROM_IMAGES) == IMAGE_TO_VIDEO
    assert len(pipeline_digest(IMAGE_TO_VIDEO)) == 64
    assert len(digest_inputs(suit_features(SHAPES_MOTION))) == 4
    spec = build_generate_spec(engine="motionrag", base=SHAPES_FROM_IMAGES)
    assert (spec.controller, spec.width, spec.frames) == (SHAPES_MOTION, 32, 8)
    assert build_generate_spec(engine="diffusers", base=SHAPES_FROM_IMAGES).controller is None


def test_bundling_copies_all_that_generation_reads(tmp_path: Path) -> None:
    copy_pipeline(IMAGE_TO_VIDEO, tmp_path / "base")
    copy_release(RELEASE, tmp_path / "release")
    assert pipeline_digest(tmp_path / "base") == pipeline_digest(IMAGE_TO_VIDEO)
    copy, bundled = suit_features(str(tmp_path / "release")), suit_features(SHAPES_MOTION)
    assert digest_inputs(copy) == digest_inputs(bundled)
    assert copy == bundled.model_copy(update={"controller": copy.controller})
    assert (copy.frames, copy.fps, copy.side) == (8, 4.0, 32)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Request, str]]:
    """Pictures, each with the clip that it is the first frame of, and the way that this goes."""
    folder = tmp_path_factory.mktemp("bank")
    write_bank(folder, ASKED, MOTIONS, seed=3)
    rows = write_prompts(folder, ASKED, MOTIONS, seed=3).read_text().splitlines()
    return [_request(folder, n, json.loads(row)) for n, row in enumerate(rows)]


def _request(folder: Path, n: int, row: dict) -> tuple[Request, str]:
    name = row["truth"]
    clip = Source(1, name, f"content-{n}", 1.0, str(folder / "videos" / f"{name}.mp4"), duration=2)
    own = str(folder / row["image"])
    return Request(row["id"], row["id"], row["txt"], 0, n, (clip,), own), row["motion"]


@pytest.mark.slow
def test_pictures_move_as_the_clips_do_that_they_follow(asked: list[tuple[Request, str]]) -> None:
    wanted = [motion for _, motion in asked]
    following = _find_ways([request for request, _ in asked], scale=1.0)
    alone = _find_ways([request for request, _ in asked], scale=0.0)
    right, lucky = (np.equal(ways, wanted).sum() for ways in (following, alone))
    assert right >= ASKED - 1 and right - lucky >= 2


def _find_ways(requests: list[Request], scale: float) -> list[str | None]:
    spec = build_generate_spec(
        engine="motionrag", base=SHAPES_FROM_IMAGES, motion={"scale": scale, "fusion": "best"}
    )
    return [find_motion(clip) for clip in generate_clips(spec, requests)]
