import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from support import golden
from support.paths import REPOSITORY
from support.rehearsed import ALL, SMALL, busy, children, gone, outcomes, run, video

from data.outcome import Done, Failed
from engines.video.guard.guard import Guard

ROOT = REPOSITORY


def test_a_hang_is_a_timeout_and_the_rest_goes_on():
    with Guard(2, deadline_s=3.0) as guard:
        hangs = [video("h1", "fault=hang"), video("h2", "fault=hang&at=2")]
        found = outcomes(guard, [video("a"), *hangs, video("b")])
    assert [o.id for o in found] == ["a", "h1", "h2", "b"]
    assert [getattr(o, "reason", "done") for o in found] == ["done", "timeout", "timeout", "done"]


def test_slow_work_that_gives_signs_of_life_is_no_timeout():
    with Guard(1, deadline_s=4.0) as guard:
        assert isinstance(outcomes(guard, [video("a", "seconds=5")])[0], Done)


@pytest.mark.slow
def test_a_video_that_kills_two_children_has_crashed():
    with Guard(1) as guard:
        found = run(guard, [video("a"), video("x", "frames=9&fault=exit&at=3"), video("b")])
    crashed = next(o for o in found if isinstance(o, Failed))
    assert crashed.reason == "crashed" and "code 3" in crashed.detail
    assert [o.id for o in found if isinstance(o, Done)] == ["a", "b"]
    assert found.count(("x", 3)) == 1


def test_kill_9_in_mid_video_is_made_good_by_a_second_try():
    with Guard(1, buffer_frames=8) as guard:
        events, killed, index = guard.decode([video("a", "frames=500")], ALL, SMALL), [], []
        for event in events:
            if isinstance(event, Done):
                break
            index += event[1].index.tolist()
            if not killed:
                killed = busy(guard)
                os.kill(killed[0], signal.SIGKILL)
        assert index == list(range(500))
        assert event.value.frames == 500


@pytest.mark.slow
def test_memory_beyond_the_limit_is_the_videos_fault(tmp_path):
    def draw(number, size):
        return np.zeros((*size[::-1], 3), np.uint8)

    bomb = golden.clip(tmp_path / "bomb.mp4", frames=2, size=(4096, 4096), draw=draw)
    good = golden.clip(tmp_path / "good.mp4")
    with Guard(1, memory_gb=0.02) as guard:
        found = list(guard.probe([("bomb", str(bomb)), ("good", str(good))]))
    assert found[0].reason in ("undecodable", "crashed")
    assert isinstance(found[1], Done)


def test_close_ends_all_children_at_once_and_twice_is_once():
    guard = Guard(2)
    events = guard.decode([video("a", "fault=hang&at=1"), video("b", "fault=hang")], ALL, SMALL)
    next(events)
    pids = busy(guard)
    guard.close()
    guard.close()
    assert pids and gone(pids)
    with pytest.raises(RuntimeError, match="closed"):
        next(events)
    with pytest.raises(RuntimeError, match="closed"):
        run(guard, [video("c")])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_children_end_with_their_parent_even_while_they_hang():
    script = """
        from engines.video.guard.guard import Guard, Resize, Sampling, Video
        guard = Guard(2)
        videos = [Video(k, f"fake://{k}?fault=hang&at=1", "") for k in "ab"]
        events = guard.decode(videos, Sampling(1), Resize(8))
        print(next(events)[0].id, flush=True)
        next(events)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"a\n"
    pids = children(parent.pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert pids and gone(pids)


def test_a_fake_needs_neither_torch_nor_av():
    script = """
        import sys
        import engines.video.guard.worker, engines.video.guard.guard
        import engines.video.decoders.pyav, engines.video.decoders.fake
        import engines.video.resize, engines.video.probe
        from engines.video.frames import Resize, Sampling
        list(engines.video.decoders.fake.decode_frames("fake://a", Sampling(1), Resize(8)))
        print([name for name in ("torch", "av", "PIL", "open_clip") if name in sys.modules])
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    assert subprocess.check_output(command, cwd=ROOT) == b"[]\n"
