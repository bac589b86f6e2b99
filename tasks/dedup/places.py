"""Where the frame vectors, and the files, of what is to be compared lie now."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from data.catalog.database import load_sql
from data.records import Video
from data.shards.stages import Stage
from data.workspace import Workspace
from engines.dedup.comparison import Candidate, Comparison
from engines.dedup.frames import Place
from engines.index import version
from tasks.dedup.fetched import FetchedIndex


def read_comparison(payload: dict[str, Any]) -> Comparison:
    """An item of a list."""
    candidates = (
        Candidate(each["content"], each["similarity"], _read_place(each["place"]))
        for each in payload["candidates"]
    )
    return Comparison(payload["content"], _read_place(payload["place"]), tuple(candidates))


def _read_place(payload: dict[str, Any] | None) -> Place | None:
    if payload is None:
        return None
    video = payload["video"]
    return Place(payload["shard"], payload["id"], None if video is None else Video(**video))


class FramePlaces:
    """Where the frames of every row of an index lie."""

    def __init__(self, workspace: Workspace, embed: Stage, fetched: FetchedIndex) -> None:
        contents = version.read_contents(version.read_ids(fetched.folder))
        with workspace.open_catalog() as catalog:
            catalog.register(pa.table({"row": np.arange(len(contents)), "content": contents}))
            table = catalog.query_table(
                load_sql("frame_locations"), corpus=embed.corpus, embed=embed.fingerprint
            )
        # Each shard's name once, and not a text for every row.
        self._shards = table.column("shard").combine_chunks().dictionary_encode()
        self._ids = table.column("id")

    def are_known(self, rows: np.ndarray) -> np.ndarray:
        """Whether each row has frames."""
        return self._ids.take(pa.array(rows)).is_valid().to_numpy()

    def take(self, rows: np.ndarray) -> list[Place | None]:
        """The places of rows; None for one without frames."""
        shards, ids = (each.take(pa.array(rows)).to_pylist() for each in (self._shards, self._ids))
        return [None if shard is None else Place(shard, id)
                for shard, id in zip(shards, ids, strict=True)]  # fmt: skip


def renew_places(
    workspace: Workspace, embed: Stage, items: Sequence[Comparison], pictures: bool
) -> list[Comparison]:
    """Items with the places that their frames have now, and with files if `pictures` are needed."""
    contents = sorted({each.content for item in items for each in item.members})
    values = {"corpus": embed.corpus, "contents": contents}
    with workspace.open_catalog() as catalog:
        rows = catalog.execute(
            load_sql("output_locations"), stage=embed.kind, fingerprint=embed.fingerprint, **values
        )
        files = catalog.execute(load_sql("files_of_contents"), **values) if pictures else []
    places = {content: Place(shard, id) for content, shard, id in rows}
    for video in (Video(*row) for row in files):
        if video.content in places:
            places[video.content] = replace(places[video.content], video=video)
    return [
        Comparison(item.content, places.get(item.content), tuple(
            replace(each, place=places.get(each.content)) for each in item.candidates
        ))
        for item in items
    ]  # fmt: skip
