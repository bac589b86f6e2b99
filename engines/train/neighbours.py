"""The list of videos that a controller is trained on, and the files of their neighbours."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from data.records import Hit
from data.store import tables
from data.store.storage import Store

PART = 4096  # videos per file of neighbours: the work that an interruption may cost
NEIGHBOUR = pa.struct({"row": pa.int32(), "video_id": pa.string(), "score": pa.float32()})
NEIGHBOURS = pa.schema({"row": pa.int32(), "neighbours": pa.list_(NEIGHBOUR)})


def videos_file(folder: str) -> str:
    """The list's file: one video per row; all other files refer to videos by row number."""
    return f"{folder}/videos.parquet"


def part_file(folder: str, part: int) -> str:
    """The file with the neighbours of 4,096 videos, in the list's order."""
    return f"{folder}/neighbours-{part:06d}.parquet"


def list_parts(folder: str, videos: int) -> list[str]:
    """The files with the neighbours of this many videos."""
    return [part_file(folder, part) for part in range(-(-videos // PART))]


def build_table(ids: Sequence[str], hits: Iterable[Hit], rows: Mapping[str, int]) -> pa.Table:
    """Videos' hits as a `NEIGHBOURS` table; `rows` are the list's, hits outside it are dropped."""
    neighbours: dict[str, list[dict]] = {id: [] for id in ids}
    for hit in hits:
        # The index may hold videos that are no longer, or not yet, in the list.
        if hit.video_id in rows:
            entry = {"row": rows[hit.video_id], "video_id": hit.video_id, "score": hit.score}
            neighbours[hit.prompt_id].append(entry)
    lines = [{"row": rows[id], "neighbours": neighbours[id]} for id in ids]
    return pa.Table.from_pylist(lines, NEIGHBOURS)


def read_neighbours(store: Store, folder: str, videos: int, k: int) -> np.ndarray:
    """(videos, k) int32: the rows of each video's neighbours, best first, -1 for none."""
    neighbours = np.full((videos, k), -1, np.int32)
    for name in list_parts(folder, videos):
        table = tables.read_table(store, name)
        lists = table["neighbours"].combine_chunks()
        # By Arrow's offsets, not by Python lists: there may be millions of videos.
        lengths = np.diff(lists.offsets.to_numpy())
        row = np.repeat(table["row"].to_numpy(), lengths)
        rank = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        neighbours[row, rank] = lists.flatten().field("row").to_numpy()
    return neighbours
