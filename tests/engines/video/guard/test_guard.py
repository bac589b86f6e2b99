import threading
import time

import numpy as np
import pytest
from support import golden
from support.rehearsed import ALL, SMALL, outcomes, run, video

from data.outcome import Done, Failed
from data.records import Video
from engines.video.frames import Resize, Sampling
from engines.video.guard.guard import Guard


@pytest.fixture(scope="module")
def shared():
    """One guard for the tests that leave it as it was."""
    with Guard(2, deadline_s=30.0) as guard:
        yield guard


def test_events_come_in_the_order_of_the_videos(shared):
    slow = [video(f"{k}", f"frames=4&seconds={0.2 if k == 0 else 0}") for k in range(20)]
    events = run(shared, slow)
    assert events[::2] == [(f"{k}", 4) for k in range(20)]
    assert [event.id for event in events[1::2]] == [f"{k}" for k in range(20)]
    assert all(event.value.frames == 4 for event in events[1::2])


@pytest.mark.slow
def test_real_files_are_decoded_as_without_a_guard(shared, tmp_path):
    import torch  # noqa: F401 (slow: chunks are also cut by time)

    from engines.video.decoders import pyav

    paths = [str(golden.clip(tmp_path / f"{k}.mp4", frames=20 + k)) for k in range(3)]
    guarded = shared.decode([Video(p, p, "") for p in paths], Sampling(5), Resize(32))
    found = {event[0].id: event[1] for event in guarded if isinstance(event, tuple)}
    for path in paths:
        (plain,) = pyav.decode_frames(path, Sampling(5), Resize(32))
        assert np.array_equal(found[path].pixels, plain.pixels)
        assert np.array_equal(found[path].index, plain.index)
        assert np.array_equal(found[path].seconds, plain.seconds)


def test_each_video_may_have_a_window_of_its_own(shared, tmp_path):
    path = str(golden.clip(tmp_path / "clip.mp4"))
    starts = {"a": 0.4, "b": 1.2, "c": 1.9}
    asked = [
        (Video(id, path, ""), Sampling(None, 5.0, start_s=start, count=3))
        for id, start in starts.items()
    ]
    events = shared.decode_each(asked, Resize(16, width=24))
    found = {e[0].id: e[1] for e in events if isinstance(e, tuple)}
    assert {id: frames.index.tolist() for id, frames in found.items()} == {
        "a": [10, 15, 20],
        "b": [30, 35, 40],
        "c": [47, 49],
    }
    assert found["a"].pixels.shape == (3, 3, 16, 24)


def test_stats_say_where_the_time_went(shared, tmp_path):
    path = str(golden.clip(tmp_path / "clip.mp4"))
    stats = run(shared, [Video("a", path, "")], Sampling(10), Resize(32))[-1].value
    assert (stats.frames, stats.duration) == (5, 2.0)
    assert stats.read_s > 0 and stats.decode_s > 0


def test_pictures_of_native_size_come_with_the_videos_rate_and_in_bounded_bytes(shared, tmp_path):
    from engines.video.decoders import pyav

    path = str(golden.clip(tmp_path / "clip.mp4", frames=20, fps=8))
    (plain,) = pyav.decode_frames(path, Sampling(1), None)
    fits = Sampling(1, first=4, max_bytes=4 * 96 * 64 * 3)
    tight = Sampling(1, first=5, max_bytes=fits.max_bytes)
    asked = [(Video("fits", path, ""), fits), (Video("not", path, ""), tight)]
    (_, frames), done, failed = shared.decode_each(asked, None)
    assert np.array_equal(frames.pixels, plain.pixels[:4])
    assert (done.value.frames, done.value.fps) == (4, 8.0)
    assert failed.reason == "too_long" and " GB" in failed.detail


def test_one_bad_video_is_one_failed_row(shared, tmp_path):
    bad = [
        Video("none", str(tmp_path / "none.mp4"), ""),
        Video("html", str(golden.html(tmp_path / "html.mp4")), ""),
        Video("zero", str(golden.zero_bytes(tmp_path / "zero.mp4")), ""),
        video("too_long", "fault=too_long"),
    ]
    found = outcomes(shared, [video("a"), *bad, video("b")])
    reasons = [o.reason if isinstance(o, Failed) else "done" for o in found]
    assert reasons == ["done", "missing", "undecodable", "empty", "too_long", "done"]


def test_no_videos_no_events(shared):
    assert run(shared, []) == []
    assert list(shared.probe([])) == []


def test_probes_answer_in_order(shared, tmp_path):
    path = str(golden.clip(tmp_path / "clip.mp4"))
    found = list(shared.probe([("a", path), ("b", "fake://b"), ("c", str(tmp_path / "no"))]))
    assert [o.id for o in found] == ["a", "b", "c"]
    assert found[0].value.codec == "h264" and found[2].reason == "missing"


@pytest.mark.slow
def test_a_programming_error_fails_its_video_alone_with_the_childs_traceback(shared):
    found = outcomes(shared, [video("a"), video("b", "fault=raise"), video("c")])
    assert [getattr(each, "reason", None) for each in found] == [None, "crashed", None]
    assert "engines/video/decoders/fake.py" in found[1].detail and "RuntimeError" in found[1].detail


def test_an_error_in_the_source_of_videos_raises(shared):
    def videos():
        yield video("a")
        raise KeyError("source")

    with pytest.raises(KeyError):
        run(shared, videos())


def test_a_consumer_that_takes_its_time_is_no_timeout_and_bounds_the_buffer():
    with Guard(2, deadline_s=3.0, buffer_frames=16) as guard:
        events = guard.decode([video(f"{k}", "frames=400") for k in range(6)], ALL, SMALL)
        next(events)
        time.sleep(4)
        line = next(iter(guard._pool._busy.values()))
        held = [job.held for job in line.jobs]
        assert sum(held) <= 3 * 16 and max(held) <= 16
        rest = list(events)
    assert sum(isinstance(event, Done) for event in rest) == 6


def test_an_abandoned_call_leaves_nothing_behind():
    with Guard(2, buffer_frames=8) as guard:
        before = threading.active_count()
        events = guard.decode([video(f"{k}", "frames=5000") for k in range(9)], ALL, SMALL)
        next(events)
        events.close()
        assert threading.active_count() <= before + 1  # the spawner
        assert not guard._pool._busy
        assert len(outcomes(guard, [video("a"), video("b")])) == 2


def test_two_threads_share_the_children():
    with Guard(2) as guard:
        found = {}

        def use(name):
            found[name] = outcomes(guard, [video(f"{name}{k}") for k in range(50)])

        threads = [threading.Thread(target=use, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    for name in "ab":
        assert [o.id for o in found[name]] == [f"{name}{k}" for k in range(50)]


def test_calls_interleaved_in_one_thread_do_not_wait_for_each_other():
    with Guard(1, buffer_frames=8) as guard:
        calls = [guard.decode([video(c, "frames=100")], ALL, SMALL) for c in "abc"]
        for events in zip(*calls, strict=True):
            last = events
        assert [event.id for event in last] == ["a", "b", "c"]
        assert len(guard._pool._idle) == 2  # one, and the one more
