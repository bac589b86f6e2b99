"""What must hold of every clip of the matrix, whichever its container, codec and times.

`python tests/support/matrix_checks.py` runs the whole matrix and prints its count.
"""

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from support import golden
from support.matrix import FPS, FRAMES, Case, build, list_cases


def check(case: Case, path: Path) -> int:
    """Asserts that every sampling gives the right pictures at the right times; how many it tried.

    Both ways of decoding agree to the bit, seconds ascend, and the number in a picture is that of
    its time.
    """
    from engines.video.decoders.pyav import VideoFile
    from engines.video.frames import Sampling
    from engines.video.pixels import to_rgb

    samplings = [Sampling(1), Sampling(5), Sampling(None, fps=2.0), Sampling(None, fps=7.3)]
    samplings += [Sampling(None, fps=8.0, start_s=0.4, count=5)]
    for sampling in samplings:
        video = VideoFile(str(path))
        ours = [(i, t, to_rgb(f, video.aspect)) for i, t, f in video.decode_sampled(sampling)]
        plain = VideoFile(str(path)).decode_sequential(sampling)
        both = list(zip(ours, plain, strict=True))
        assert all(a[:2] == b[:2] for a, b in both), f"{sampling}: two ways, two times"
        assert all(np.array_equal(a[2], to_rgb(b[2], video.aspect)) for a, b in both), sampling
        assert all(a[1] < b[1] for a, b in pairwise(ours)), f"{sampling}: seconds do not ascend"
        if case.fault != "lost":
            _check_numbers(case, sampling, ours)
    return len(samplings)


def _check_numbers(case: Case, sampling, ours) -> None:
    length = FRAMES * (1 + (case.fault == "joined"))
    if sampling.every_nth:
        assert [i for i, _, _ in ours] == list(range(0, length, sampling.every_nth))
    for index, seconds, picture in ours:
        assert golden.number(picture) == index % FRAMES, f"{sampling}: frame {index}"
        assert abs(seconds * FPS - index) < 0.1, f"{sampling}: frame {index} at {seconds}"


def ask_ffmpeg(path: Path) -> list[float]:
    """The seconds of all frames since the first, by ffmpeg's showinfo."""
    command = ["ffmpeg", "-i", str(path), "-vsync", "passthrough", "-vf", "showinfo"]
    text = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True).stderr
    times = [float(t) for t in re.findall(r"pts_time:\s*(\S+)", text)]
    return [t - times[0] for t in times]


def check_beside_ffmpeg(path: Path) -> bool:
    """Asserts that ffmpeg sees as many frames at the same times; False where it sees none."""
    from engines.video.decoders.pyav import VideoFile
    from engines.video.frames import Sampling

    ours = [t for _, t, _ in VideoFile(str(path)).decode_sequential(Sampling(1))]
    theirs = ask_ffmpeg(path)
    assert len(theirs) in (0, len(ours)), f"{len(ours)} frames, ffmpeg has {len(theirs)}"
    assert not theirs or np.abs(np.array(ours) - theirs).max() < 0.5 / FPS
    return bool(theirs)


def main(folder: Path) -> int:
    """Runs all of the matrix; the number of cases that fail."""
    cases, tried, bad = list(list_cases()), 0, 0
    for case in cases:
        path = None
        try:
            path = build(case, folder)
            tried += check(case, path)
            if shutil.which("ffmpeg") and case.fault == "plain":
                check_beside_ffmpeg(path)
        except Exception as error:
            bad += 1
            print(case.id, f"{type(error).__name__}: {str(error).splitlines()[:1]}")
        finally:
            if path:
                path.unlink(missing_ok=True)
    print(f"{len(cases)} clips, {tried} samplings, {bad} clips fail")
    return bad


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        sys.exit(main(Path(name)) > 0)
