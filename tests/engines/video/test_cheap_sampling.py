"""Sampling that costs less: the same frames whichever way a file is decoded, and few decoded."""

import numpy as np
import pytest
from support import golden

from engines.video import packets
from engines.video.decoders.pyav import decode_frames
from engines.video.frames import Sampling
from engines.video.sampling import select_middles
from engines.video.video_file import VideoFile

X264 = {"g": "25", "keyint_min": "25", "sc_threshold": "0", "bf": "2"}
KINDS = {
    "closed.mp4": {"options": X264},
    "open.mkv": {"options": X264 | {"x264-params": "open-gop=1"}},
    "interlaced.mp4": {"options": X264 | {"x264-params": "interlaced=1"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "25", "bf": "0"}},
}
KEYS, PARTS = Sampling(None, keyframes=True), Sampling(None, parts=4)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("cheap")
    return {name: str(golden.clip(folder / name, 110, **how)) for name, how in KINDS.items()}


def numbers(uri: str, sampling: Sampling) -> list[int]:
    parts = list(decode_frames(uri, sampling, None))
    return [golden.number(p.transpose(1, 2, 0)) for part in parts for p in part.pixels]


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_of_decoding_give_the_same_frames(files: dict[str, str], kind: str) -> None:
    for sampling in (KEYS, PARTS):
        wanted = [f[0] for f in VideoFile(files[kind]).decode_sequential(sampling)]
        assert numbers(files[kind], sampling) == wanted
    assert numbers(files[kind], KEYS) == [0, 25, 50, 75, 100]
    assert numbers(files[kind], PARTS) == [13, 41, 68, 96]
    # Of a span, its own keyframes, and the middles of its own parts.
    assert numbers(f"{files[kind]}#t=0.8,2.4", KEYS) == [25, 50]
    assert numbers(f"{files[kind]}#t=0.8,2.4", PARTS) == [25, 35, 45, 55]
    # Between two of them a shot has none of its own: its first frame stands for it.
    assert numbers(f"{files[kind]}#t=1.2,1.8", KEYS) == [30]


def test_nothing_between_keyframes_is_decoded(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, real = [], packets.PacketDecoder.decode

    def decode(self: packets.PacketDecoder, packet: object, number: int) -> list:
        decoded.append(number)
        return real(self, packet, number)

    monkeypatch.setattr(packets.PacketDecoder, "decode", decode)
    assert len(numbers(files["closed.mp4"], KEYS)) == 5 == len(decoded)


def test_parts_are_spread_and_each_round_is_new() -> None:
    rounds = [select_middles(1000, 2**n).tolist() for n in range(1, 6)]
    assert rounds[0] == [250, 750]
    assert len({index for each in rounds for index in each}) == 2 + 4 + 8 + 16 + 32
    assert max(np.diff(rounds[-1])) - min(np.diff(rounds[-1])) <= 1
    assert select_middles(3, 16).tolist() == [0, 1, 2]
