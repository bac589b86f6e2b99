"""Video-to-video search of a whole corpus: every video's neighbours, in a resumable table."""

from collections.abc import Iterator
from itertools import groupby

import pyarrow as pa

from data.batches import batched
from data.errors import UserError
from data.runs.groups import condition, listed
from data.specs.pipeline import RetrieveSpec
from data.specs.train import LessonSpec
from data.store import tables
from engines.train import neighbours
from tasks.progress import Progress
from tasks.retrieve.bank import Bank

AT_ONCE = 256  # videos searched for together: bounds memory


def find_neighbours(bank: Bank, spec: LessonSpec, folder: str) -> pa.Table:
    """The list of the videos to learn from, once all of them have their neighbours in `folder`.

    The list is written once; each file of neighbours that is there is not made again.
    """
    store, videos = bank.workspace.store, _list(bank, spec, folder)
    rows = {id: row for row, id in enumerate(videos["id"].to_pylist())}
    names = enumerate(neighbours.parts(folder, len(videos)))
    missing = [(part, name) for part, name in names if not store.exists(name)]
    progress = Progress("neighbours", min(len(videos), neighbours.PART * len(missing)))
    for part, name in missing:
        first = part * neighbours.PART
        with tables.create(store, name, neighbours.NEIGHBOURS) as writer:
            for found in _searched(bank, spec, videos.slice(first, neighbours.PART), rows):
                writer.write_table(found)
                progress.add(done=len(found))
    return videos


def _list(bank: Bank, spec: LessonSpec, folder: str) -> pa.Table:
    """The indexed videos, as they were when they were first listed; a UserError without any."""
    store, name = bank.workspace.store, neighbours.videos_file(folder)
    if not store.exists(name):
        videos = listed(bank.workspace, bank.corpus, spec.columns)
        videos = videos.filter(pa.array(bank.index.rows(videos["id"].to_pylist()) >= 0))
        if not len(videos):
            raise UserError(f"the index has nothing of {bank.corpus} as it is now: index it again")
        with tables.create(store, name, videos.schema) as writer:
            writer.write_table(videos)
    return tables.read(store, name)


def _searched(
    bank: Bank, spec: LessonSpec, videos: pa.Table, rows: dict[str, int]
) -> Iterator[pa.Table]:
    """The neighbours of consecutive videos, among those that have the same `kin`."""
    asked = zip(videos["id"].to_pylist(), videos["kin"].to_pylist(), strict=True)
    for values, group in groupby(asked, key=lambda pair: pair[1]):
        where = condition(spec.columns, values)
        wanted = RetrieveSpec(k=spec.k, ceiling=spec.ceiling, dedup=spec.dedup, where=where)
        for some in batched((id for id, _ in group), AT_ONCE):
            yield neighbours.answers(some, bank.by_video(some, wanted), rows)
