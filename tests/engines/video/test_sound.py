"""Sound as a decoder process gives it: blocks of samples, in seconds of the video."""

from pathlib import Path

import numpy as np
import pytest
from support import golden
from support.talking import HZ, film

from data.outcome import Done
from data.records import Video
from engines.files.time_span import TimeSpan, add_span
from engines.video.guard.guard import Guard
from engines.video.sound import RATE, Sound, _split_blocks


@pytest.fixture(scope="module")
def guard():
    with Guard(1, buffer_frames=4) as guard:
        yield guard


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds, of which each is as much louder than the one before."""
    t = np.arange(8 * HZ) / HZ
    sound = (2000 * (np.floor(t) + 1) * np.sin(2 * np.pi * 300 * t)).astype(np.int16)
    return film(tmp_path_factory.mktemp("sound") / "steps.mp4", 8, sound)


def heard(guard: Guard, uri: str) -> list[float]:
    """The loudness of each second, in steps."""
    *blocks, outcome = guard.decode_sound([Video("a", uri, "")])
    assert isinstance(outcome, Done)
    assert all(block.start >= 0 for _, block in blocks)
    sound = np.concatenate([block.samples for _, block in blocks])
    seconds = sound[: len(sound) // RATE * RATE].reshape(-1, RATE)
    return [round(np.abs(each[4000:12000].astype(float)).max() / 2000) for each in seconds]


def test_sound_is_whole_and_in_time(guard, steps: Path) -> None:
    assert heard(guard, str(steps)) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_span_has_its_own_part_of_the_sound(guard, steps: Path) -> None:
    assert heard(guard, add_span(str(steps), TimeSpan(4.0, 6.0))) == [5, 6]
    assert heard(guard, add_span(str(steps), TimeSpan(0.0, 3.0))) == [1, 2, 3]


def test_a_video_without_sound_is_done_with_no_block(guard, tmp_path: Path) -> None:
    [outcome] = guard.decode_sound([Video("a", str(golden.clip(tmp_path / "a.mp4")), "")])
    assert isinstance(outcome, Done) and outcome.value.frames == 0


def test_a_hole_begins_another_block() -> None:
    piece = np.zeros(RATE, np.int16)
    blocks = list(_split_blocks(iter([Sound(0.0, piece), Sound(1.0, piece), Sound(9.0, piece)])))
    assert [(block.start, len(block.samples)) for block in blocks] == [(0, 2 * RATE), (9, RATE)]
