"""A corpus of a thousand shards: planning, running, planning again, and the catalogue made anew."""

from collections.abc import Iterator

from bench import watched
from bench.figures import Figure
from bench.job import Job

PER_SHARD = 10


def measure(job: Job) -> Iterator[Figure]:
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
