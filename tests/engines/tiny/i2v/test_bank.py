from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from engines.base import load_plugin
from engines.tiny.i2v import bank
from engines.tiny.i2v.heading import find_motion
from engines.tiny.i2v.training_set import COMPASS, MOTIONS, UNSEEN_MOTIONS
from engines.tiny.i2v.wording import GOING
from engines.video.frames import Resize, Sampling


@pytest.mark.parametrize("motions", [MOTIONS, UNSEEN_MOTIONS])
def test_clips_move_as_their_captions_say(tmp_path: Path, motions: tuple[str, ...]) -> None:
    rows = parquet.read_table(bank.write_bank(tmp_path, 4, motions)).to_pylist()
    assert len({row["videoID"] for row in rows}) == 4
    for row in rows:
        assert row["motion"] in motions
        assert any(going in row["motion_caption"] for going in GOING[row["motion"]])
        assert any(going in row["txt"] for going in GOING[row["motion"]])
        assert row["shape"] not in row["motion_caption"]
        assert find_motion(read_frames(tmp_path / row["videoLoc"])) == row["motion"]


def read_frames(file: Path) -> np.ndarray:
    found = load_plugin("video.decoders", "pyav").decode_frames(
        str(file), Sampling(every_nth=None, fps=4), Resize(32)
    )
    frames = np.concatenate([some.pixels for some in found]).transpose(0, 2, 3, 1)
    assert len(frames) >= 8
    return frames[:8]


def test_words_tell_all_motions_apart() -> None:
    assert set(GOING) == set(COMPASS)
    said = [going for words in GOING.values() for going in words]
    assert len(set(said)) == len(said)


def test_clips_that_are_there_are_not_rendered_again(tmp_path: Path) -> None:
    bank.write_bank(tmp_path, 1, MOTIONS)
    file = next((tmp_path / "videos").iterdir())
    file.write_bytes(b"kept")
    bank.write_bank(tmp_path, 2, MOTIONS)
    assert file.read_bytes() == b"kept" and len(list((tmp_path / "videos").iterdir())) == 2
