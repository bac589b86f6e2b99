"""Ten million videos by simulation: what planning, status and one video more take, and disk.

Lists, receipts and the parts of an ingest are written as they leave them, without a vector.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.job import Job
from bench.sections import growth
from support import large

from data.catalog.database import catalog_path
from data.settings import Settings
from data.specs.pipeline import EmbedSpec
from data.workspace import open_workspace
from tasks.stages import register_embed

BYTES_PER_GB = 1e9
SHARD = Settings().shard_size
# What a night asks of the catalogue: it is made of all files once, and then kept up.
STEPS = (
    ("plan", "merging all files into the catalogue, and planning"),
    ("plan", "planning again"),
    ("status", "status"),
)


def measure(job: Job) -> Iterator[Figure]:
    """Seconds of CPU, and the memory of a step's process, at its highest."""
    count, folder = job.size(10_000_000, 20_000), job.scratch / "millions"
    yield from _write_corpus(folder, count)
    for stage, what in STEPS:
        yield from _describe_step(f"{count:,}: {what}", *growth.run_stage(folder, stage))
    workspace = open_workspace(Settings(root=str(folder / "store")))
    large.ingested(workspace, growth.CORPUS, 1, before=count)
    what = f"1 beside {count:,}: merging and planning"
    yield from _describe_step(what, *growth.run_stage(folder, "plan"))
    catalog = catalog_path(workspace.store, workspace.settings.catalog)
    yield Figure("ten_million", "catalogue", catalog.stat().st_size / BYTES_PER_GB, "GB")


def _write_corpus(folder: Path, count: int) -> Iterator[Figure]:
    """A corpus as ingest and embed leave it, but for its vectors."""
    workspace = open_workspace(Settings(root=str(folder / "store")))
    large.ingested(workspace, growth.CORPUS, count)
    stage = register_embed(workspace, growth.CORPUS, EmbedSpec(**growth.SPEC))
    large.finished(workspace, stage, count, SHARD)
    store = folder / "store"
    for what, inside in (("rows of videos", "videos"), ("lists", "shards"), ("receipts",) * 2):
        files = [file for file in store.rglob(f"{inside}/*") if file.is_file()]
        size = sum(file.stat().st_size for file in files) / BYTES_PER_GB
        yield Figure("ten_million", f"{what}, {len(files):,} files", size, "GB")


def _describe_step(what: str, cpu_s: float, memory: float) -> Iterator[Figure]:
    yield Figure("ten_million", what, cpu_s, "s of CPU")
    yield Figure("ten_million", f"{what}: memory at most", memory, "MB")
