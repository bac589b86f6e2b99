"""A corpus of a thousand shards: planning, running, planning again, and the catalogue made anew.

And what of the time of a thousand shards is none of their work.
"""

from collections.abc import Iterator

from bench import watched
from bench.figures import Figure
from bench.job import Job

PER_SHARD = 10
AT_ONCE = 8  # shards of one video each, of one second


def measure(job: Job) -> Iterator[Figure]:
    yield from _kept_up(job)
    yield from _share(job)


def _share(job: Job) -> Iterator[Figure]:
    """Each shard waits a second in a decoder; what is above that is Prefect, files, catalogue."""
    shards, folder = job.size(1000, 50), job.scratch / "seconds"
    source = {"source": f"fake://{shards}?frames=2&seconds=1", "corpus": "fakes", "probe": False}
    embed = {"corpus": "fakes", "spec": {"engine": "fake", "every_nth": 1}}
    ran = watched.stages(
        folder, [["ingest", source], ["embed", embed]], shard_size=1, runner="in_process",
        workers=AT_ONCE // 2, decoders=AT_ONCE,
    )  # fmt: skip
    seconds = ran.said["calls"][1]["said"]["seconds"]
    what = f"of {shards:,} shards of 1 s of work, {AT_ONCE} at once in one process under Prefect"
    yield Figure("thousand", f"seconds {what}", seconds, "s")
    share = 100 * (1 - shards / AT_ONCE / seconds)
    yield Figure("thousand", f"orchestration share {what}", share, "%", most=5)
    yield Figure("thousand", "memory of the flow's process, PSS", ran.pss["driver"], "MB")


def _kept_up(job: Job) -> Iterator[Figure]:
    shards = job.size(1000, 50)
    fakes, spec = f"fake://{shards * PER_SHARD}?frames=2", {"engine": "fake", "every_nth": 1}
    folder, embed = job.scratch / "thousand", {"corpus": "fakes", "spec": spec}
    first = [["ingest", {"source": fakes, "corpus": "fakes"}], ["plan", embed], ["embed", embed]]
    again = [["plan", embed], ["embed", embed], ["catalog", {}]]
    ran = watched.stages(folder, first, shard_size=PER_SHARD)
    made = {call["name"]: call for call in ran.said["calls"]}
    yield Figure("thousand", "shards", made["plan"]["said"], "")
    for name, what in (("ingest", "ingest"), ("plan", "planning"), ("embed", "embedding")):
        yield Figure("thousand", what, made[name]["seconds"], "s")
    ran = watched.stages(folder, again, shard_size=PER_SHARD)
    plan, embed_again, catalog = (call["seconds"] for call in ran.said["calls"])
    yield Figure("thousand", "planning again, when complete", plan, "s", most=10)
    yield Figure("thousand", "embed again, with start-up", embed_again, "s")
    yield Figure("thousand", "catalogue rebuilt", catalog, "s")
    status = watched.command("status", "fakes", "--json", folder=folder)
    yield Figure("thousand", "reelflow status, with start-up", status.seconds, "s")
