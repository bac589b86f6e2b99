"""Near-duplicates: copies that are found, by kind, and distinct clips that are taken for copies."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import footage
from bench.figures import Figure
from bench.job import Job
from support.copies import KINDS, write_copies
from support.paths import REAL_CLIPS

ASKED: tuple[dict[str, float], ...] = (
    {"threshold": 0.95}, {"threshold": 0.97}, {"threshold": 0.98},
    {"threshold": 0.97, "pictures": 0.7}, {"threshold": 0.95, "pictures": 0.7},
    {"threshold": 0.9, "candidates": 0.8, "pictures": 0.7},
)  # fmt: skip


def measure(job: Job) -> Iterator[Figure]:
    from data.specs.pipeline import EmbedSpec
    from engines.tiny.corpus import write_corpus

    # With what models made of six of them: other pictures of the same subjects.
    made = (REAL_CLIPS / "personalization").glob("*/[A-Z]*.mp4")
    real = sorted([*footage.REAL.glob("*.mp4"), *(REAL_CLIPS / "formats").glob("*.*"), *made])
    if real:
        spec = EmbedSpec(engine="tags")
        yield from _measure_copies(job, "real clips, tags", real, len(real), spec)
    table = write_corpus(job.scratch / "corpus", job.size(2000, 200), workers=1)
    shapes = sorted((table.parent / "videos").glob("*.mp4"))
    spec = EmbedSpec(model="reelflow-tiny", every_nth=8)
    yield from _measure_copies(job, "shapes", shapes, job.size(100, 20), spec)


def _measure_copies(
    job: Job, name: str, clips: Sequence[Path], copied: int, spec: object
) -> Iterator[Figure]:
    """Copies of the first `copied` clips, by kind and threshold, among all of them."""
    folder = job.scratch / name.replace(", ", "-").replace(" ", "-")
    folder.mkdir()
    # Under names of their own: two clips of one name would be one row.
    own = [Path(shutil.copy(clip, folder / f"{n:06d}{clip.suffix}"))
           for n, clip in enumerate(clips)]  # fmt: skip
    copies = {
        file.stem: kind for clip in own[:copied]
        for kind, file in write_copies(clip, folder / "copies").items()
    }  # fmt: skip
    files = [*own, *sorted((folder / "copies").iterdir())]
    source = footage.table(files, folder / "clips.parquet")
    os.environ |= {"REELFLOW_ROOT": str(folder / "store"), "REELFLOW_RUNNER": "in_process"}
    from data.specs.dedup import DedupSpec
    from data.specs.pipeline import IndexSpec
    from flows.dedup import dedup
    from flows.pipeline import pipeline

    pipeline("c", str(source), embed_spec=spec, index_spec=IndexSpec(gate=0))  # type: ignore[arg-type]
    yield Figure(name, "distinct clips", len(own), "")
    for number, asked in enumerate(ASKED):
        out = folder / f"groups-{number}.parquet"
        dedup("c", DedupSpec(**asked), out=str(out))
        how = ", ".join(f"{key} {value:g}" for key, value in asked.items())
        yield from _judge_groups(f"{name}, {how}", out, copies, {file.stem for file in own})


def _judge_groups(
    name: str, groups: Path, copies: dict[str, str], distinct: set[str]
) -> Iterator[Figure]:
    """The share of copies that are in their original's group, and distinct clips in one group."""
    import pyarrow.parquet as pq

    rows = pq.read_table(groups, columns=["group", "video_id"]).to_pylist()
    group_of = {row["video_id"]: row["group"] for row in rows}
    for kind in KINDS:
        ids = [id for id, each in copies.items() if each == kind]
        found = [id for id in ids if id in group_of
                 and group_of.get(id.split("~")[0]) == group_of[id]]  # fmt: skip
        yield Figure(name, f"recall, {kind}", len(found) / len(ids), "")
    together: dict[str, int] = {}
    for id in distinct & group_of.keys():
        together[group_of[id]] = together.get(group_of[id], 0) + 1
    yield Figure(name, "false pairs", sum(n * (n - 1) // 2 for n in together.values()), "")
    yield Figure(name, "distinct clips left out", sum(n - 1 for n in together.values()), "")
