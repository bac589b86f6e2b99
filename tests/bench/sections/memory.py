"""Peak memory by role, at a small corpus and at one ten times as large."""

from collections.abc import Iterator

from bench import watched
from bench.figures import Figure
from bench.job import Job


def measure(job: Job) -> Iterator[Figure]:
    """Each corpus is ingested first, in a process of its own: only embedding is watched."""
    small, large = job.size(200, 50), job.size(2000, 500)
    peaks = {}
    for videos in (small, large):
        folder = job.scratch / f"memory-{videos}"
        source = {"source": f"fake://{videos}", "corpus": "fakes"}
        watched.stages(folder, [["ingest", source]])
        calls = [["embed", {"corpus": "fakes", "spec": {"engine": "fake"}}]]
        ran = watched.stages(folder, calls, shard_size=50)
        peaks[videos] = ran.pss["driver"]
        for role in sorted(ran.rss):
            yield Figure("memory", f"{role}, RSS at {videos} videos", ran.rss[role], "MB")
            yield Figure("memory", f"{role}, PSS at {videos} videos", ran.pss[role], "MB")
    growth = 100 * (peaks[large] / peaks[small] - 1)
    yield Figure("memory", f"driver's growth, {small} to {large} videos", growth, "%", most=10)
