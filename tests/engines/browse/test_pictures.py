"""Previews last as long as what they show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import golden

from data.records import Video
from engines.browse.pictures import PREVIEW_FPS, PREVIEW_FRAMES, PictureMaker
from engines.video.decoders import pyav
from engines.video.frames import Sampling
from engines.worker import WorkerSetup

SECONDS = PREVIEW_FRAMES / PREVIEW_FPS


@pytest.fixture(scope="module")
def pictures() -> Iterator[PictureMaker]:
    with PictureMaker(WorkerSetup(decoders=1)) as maker:
        yield maker


@pytest.mark.parametrize(
    ("fps", "frames", "start", "lasts"),
    [(1, 8, 2.0, SECONDS), (25, 100, 0.5, SECONDS), (25, 25, 0.0, 1.125), (25, 25, 9.0, 0.125)],
)
def test_a_preview_is_as_fast_as_its_video(
    pictures: PictureMaker, tmp_path: Path, fps: int, frames: int, start: float, lasts: float
) -> None:
    file = golden.clip(tmp_path / "any.mp4", frames=frames, fps=fps)
    shown = tmp_path / "preview.mp4"
    pictures.write_preview(Video("any", str(file), "any"), start, (96, 64), shown)
    made = pyav.decode_frames(str(shown), Sampling(every_nth=1), None)
    assert sum(len(part.seconds) for part in made) == lasts * PREVIEW_FPS
