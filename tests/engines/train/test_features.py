import numpy as np
import pytest

from data.specs.train import LessonSpec
from engines.embed.frame_packer import FrameVectors
from engines.train.features import sample_evenly


@pytest.mark.parametrize(
    ("native", "shown", "fps", "expected"),
    [
        (8, 5, 8, [0, 1, 2, 3, 4]),
        (8, 5, 16, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),
        (25, 10, 8, [0, 3, 6, 9]),  # 0.375 s is nearer to the tenth frame than to an eleventh
        (25, 1, 8, [0]),
    ],
)
def test_a_video_has_a_frame_every_step_until_it_ends(
    native: int, shown: int, fps: float, expected: list[int]
) -> None:
    frames = np.arange(shown)
    made = FrameVectors(frames, frames / native, frames[:, None].astype(np.float16), 0, 0, 0)
    assert sample_evenly(made, LessonSpec(fps=fps)).ravel().tolist() == expected


def test_of_a_long_video_only_its_first_frames_are_taken() -> None:
    frames = np.arange(100)
    made = FrameVectors(frames, frames / 8, frames[:, None].astype(np.float16), 0, 0, 0)
    assert sample_evenly(made, LessonSpec(fps=4, most=3)).ravel().tolist() == [0, 2, 4]
