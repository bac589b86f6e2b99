"""Reads the frame vectors of many contents at once, wherever they are stored."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from data.outcome import Reason
from data.records import Video
from data.store import layout
from data.store.frame_vectors import read_videos
from data.store.storage import Store
from engines.dedup.alignment import Frames, thin_frames


@dataclass(frozen=True, slots=True)
class Place:
    """Where a content's frame vectors lie: the shard of the embed stage, and their id there.

    `video` is a file of the content; None where no pictures are asked for.
    """

    shard: str
    id: str
    video: Video | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the frames of a place cannot be read."""

    reason: Reason
    detail: str


def read_places(
    store: Store, folder: str, places: Iterable[Place]
) -> dict[Place, Frames | Fault]:  # fmt: skip
    """The frames of each place of an embed stage's folder, or the fault of its own file.

    Each file is read once, and of it only the parts that have some of them.
    """
    by_shard: dict[str, set[str]] = defaultdict(set)
    for place in places:
        by_shard[place.shard].add(place.id)
    found: dict[Place, Frames | Fault] = {}
    for shard, ids in sorted(by_shard.items()):
        name, here = layout.shard_file(folder, shard), dict[str, Frames]()
        fault = Fault("missing", f"{name} has no frame vectors of it")
        try:
            for id, seconds, vectors in read_videos(store, name, ids):
                here[id] = thin_frames(seconds, vectors)
        except FileNotFoundError:
            fault = Fault("missing", f"{name} is not in the store any more")
        except (pa.ArrowException, OSError) as error:
            if getattr(error, "errno", None) is not None:
                raise  # the storage's fault, and not the file's
            fault = Fault("undecodable", f"{name} is damaged: {error}")
        found |= {Place(shard, id): here.get(id, fault) for id in ids}
    return found
