"""The videos that a controller learns from, and of each the videos that are like it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from data.records import Hit
from data.store import tables
from data.store.storage import Store

PART = 4096  # videos a file of neighbours: what a stop may cost
NEIGHBOUR = pa.struct({"row": pa.int32(), "video_id": pa.string(), "score": pa.float32()})
NEIGHBOURS = pa.schema({"row": pa.int32(), "neighbours": pa.list_(NEIGHBOUR)})


def videos_file(folder: str) -> str:
    """The written list: a video a row, whose number is its name in everything else."""
    return f"{folder}/videos.parquet"


def part_file(folder: str, part: int) -> str:
    """The neighbours of 4,096 videos, in the list's order."""
    return f"{folder}/neighbours-{part:06d}.parquet"


def parts(folder: str, videos: int) -> list[str]:
    """The files that the neighbours of so many videos lie in."""
    return [part_file(folder, part) for part in range(-(-videos // PART))]


def answers(ids: Sequence[str], hits: Iterable[Hit], rows: Mapping[str, int]) -> pa.Table:
    """The hits of videos, as `NEIGHBOURS`; `rows` has the list's, and what it lacks is left out."""
    found: dict[str, list[dict]] = {id: [] for id in ids}
    for hit in hits:
        if hit.video_id in rows:
            said = {"row": rows[hit.video_id], "video_id": hit.video_id, "score": hit.score}
            found[hit.prompt_id].append(said)
    lines = [{"row": rows[id], "neighbours": found[id]} for id in ids]
    return pa.Table.from_pylist(lines, NEIGHBOURS)


def read(store: Store, folder: str, videos: int, k: int) -> np.ndarray:
    """(videos, k) int32: the rows of each video's neighbours, best first, -1 for none."""
    found = np.full((videos, k), -1, np.int32)
    for name in parts(folder, videos):
        table = tables.read(store, name)
        lists = table["neighbours"].combine_chunks()
        lengths = np.diff(lists.offsets.to_numpy())
        row = np.repeat(table["row"].to_numpy(), lengths)
        place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        found[row, place] = lists.flatten().field("row").to_numpy()
    return found
