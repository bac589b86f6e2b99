"""Rehearsed videos through a guard, and the processes it keeps."""

import time

from data.records import Video
from engines.video.frames import Resize, Sampling

ALL, SMALL = Sampling(1), Resize(8)


def video(id, query="frames=4"):
    return Video(id, f"fake://{id}?{query}", "")


def run(guard, videos, sampling=ALL, resize=SMALL):
    """Events in short: (id, number of frames) and outcomes."""
    events = guard.decode(videos, sampling, resize)
    return [(e[0].id, len(e[1].index)) if isinstance(e, tuple) else e for e in events]


def outcomes(guard, videos):
    return [event for event in run(guard, videos) if not isinstance(event, tuple)]


def children(pid=None):
    """Process ids of the children of a process."""
    import psutil

    return [child.pid for child in psutil.Process(pid).children()]


def gone(pids, seconds=60.0):
    import psutil

    due = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < due:
        time.sleep(0.02)
    return not any(psutil.pid_exists(pid) for pid in pids)


def busy(guard):
    """The process ids of children at work."""
    return [child.process.pid for child in guard._pool._busy if child.process]
