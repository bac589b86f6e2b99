"""Finds the neighbours of every video of a corpus, in files that a later run resumes."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from data.batches import iter_batches
from data.errors import UserError
from data.runs.groups import group_condition, list_grouped_videos
from data.specs.pipeline import RetrieveSpec
from data.specs.train import LessonSpec
from data.store import tables
from engines.train import neighbours
from tasks.progress import Progress
from tasks.retrieve.retriever import Retriever

AT_ONCE = 256  # videos searched for together: bounds memory


def find_neighbours(retriever: Retriever, spec: LessonSpec, folder: str) -> pa.Table:
    """Writes the neighbours of all videos into `folder`; the table of the videos.

    Files that an earlier run wrote are kept.
    """
    store, videos = retriever.workspace.store, _list_videos(retriever, spec, folder)
    rows = {id: row for row, id in enumerate(videos["id"].to_pylist())}
    names = enumerate(neighbours.list_parts(folder, len(videos)))
    missing = [(part, name) for part, name in names if not store.exists(name)]
    progress = Progress("neighbours", min(len(videos), neighbours.PART * len(missing)))
    for part, name in missing:
        first = part * neighbours.PART
        with tables.open_writer(store, name, neighbours.NEIGHBOURS) as writer:
            part_videos = videos.slice(first, neighbours.PART)
            for table in _search_neighbours(retriever, spec, part_videos, rows):
                writer.write_table(table)
                progress.add(done=len(table))
    return videos


def _list_videos(retriever: Retriever, spec: LessonSpec, folder: str) -> pa.Table:
    """The indexed videos of the corpus; a UserError where there are none."""
    # Listed once and kept: rows of all other files refer to this order.
    store, name = retriever.workspace.store, neighbours.videos_file(folder)
    if not store.exists(name):
        videos = list_grouped_videos(retriever.workspace, retriever.corpus, spec.columns)
        rows = retriever.index.rows(videos["content"].to_pylist())
        videos = _drop_copies(retriever, videos.filter(pa.array(rows >= 0)))
        if not len(videos):
            raise UserError(
                f"the index has none of the current videos of {retriever.corpus}: run"
                f" `reelflow index {retriever.corpus}` again"
            )
        with tables.open_writer(store, name, videos.schema) as writer:
            writer.write_table(videos)
    return tables.read_table(store, name)


def _drop_copies(retriever: Retriever, videos: pa.Table) -> pa.Table:
    """One video of each content in a group: the one that searches in the group show."""
    contents = pc.value_counts(videos["content"])
    copied = contents.filter(pc.greater(contents.field("counts"), 1)).field("values").to_pylist()
    if not copied:
        return videos
    first = {content: id for content, (id, _, _) in retriever.find_videos(copied).items()}
    shown: dict[tuple, int] = {}
    columns = (videos[name].to_pylist() for name in ("kin", "content", "id"))
    for row, (kin, content, id) in enumerate(zip(*columns, strict=True)):
        key = (*kin, content)
        if key not in shown or first.get(content) == id:
            shown[key] = row
    return videos.take(sorted(shown.values()))


def _search_neighbours(
    retriever: Retriever, spec: LessonSpec, videos: pa.Table, rows: dict[str, int]
) -> Iterator[pa.Table]:
    """Yields the neighbours of consecutive videos, searched among the videos of their group."""
    ids_with_group = zip(videos["id"].to_pylist(), videos["kin"].to_pylist(), strict=True)
    for values, group in groupby(ids_with_group, key=itemgetter(1)):
        where = group_condition(spec.columns, values)
        search = RetrieveSpec(k=spec.k, ceiling=spec.ceiling, dedup=spec.dedup, where=where)
        for ids in iter_batches((id for id, _ in group), AT_ONCE):
            yield neighbours.build_table(ids, retriever.search_videos(ids, search), rows)
