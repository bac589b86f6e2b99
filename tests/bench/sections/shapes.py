"""Moving shapes with the bundled model, from the source to an index."""

from collections.abc import Iterator

from bench import watched
from bench.figures import Figure
from bench.job import Job
from bench.sections.real import stage_figures

from data.specs.models import SHAPES
from tasks.precision import fastest_precision


def measure(job: Job) -> Iterator[Figure]:
    from engines.tiny.corpus import clip_name, write_corpus

    source = write_corpus(job.out / "shapes", job.size(1000, 100))
    calls = [
        ["ingest", {"source": str(source), "corpus": "shapes"}],
        [
            "embed",
            {"corpus": "shapes", "spec": {"model": SHAPES, "precision": fastest_precision()}},
        ],
        ["pool", {"corpus": "shapes"}],
        ["index", {"corpus": "shapes", "spec": {"gate": 0}}],
        ["search", {"corpus": "shapes", "video": clip_name(0, 0)}],
    ]
    ran = watched.stages(job.scratch / "shapes", calls)
    yield from stage_figures("shapes", ran)
    embed = ran.said["calls"][1]["said"]
    yield Figure("shapes", "embed, once warm", embed["frames_per_second"], "frames/s")
    yield Figure("shapes", "embed, once warm", embed["done"] / embed["seconds"], "videos/s")
