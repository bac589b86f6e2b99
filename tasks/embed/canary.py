"""The canary: fixed clips embedded before every run, so that drift is seen before it is stored."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.outcome import Done
from data.records import Video
from data.store import tables
from data.store.storage import Store
from data.store.temporary import Temporary
from engines.base import Engine, Runner
from engines.embed.frame_packer import Vectors
from engines.tiny import canary as clips
from tasks.embed.shard import Embedding, frame_rows

VERSION = "1"
ALIKE = 0.999  # cosine: other thread counts and builds stay above it, a swapped channel far below


@task(name="canary", cache_policy=NO_CACHE, persist_result=False)
def check_canary(run: Embedding) -> float:
    """The least cosine between the canary's vectors now and those first stored for this stage.

    A UserError where they drifted apart: colours, decoder, resize or model are no longer those
    that made the stored vectors.
    """
    store, folder = run.workspace.store, run.stage.folder
    now = embed_canary(store, run.runner, run.make)
    name = f"{folder}/canary-{VERSION}.parquet"
    if not store.exists(name):
        schema = tables.frames(next(iter(now.values())).vector.shape[1])
        with tables.create(store, name, schema) as writer:
            writer.write_table(frame_rows(list(now.items())))
        return 1.0
    alike = min(_cosines(tables.read(store, name).to_pylist(), now))
    if alike < ALIKE:
        raise UserError(
            f"the canary drifted (cosine {alike:.4f} < {ALIKE}): this machine's decoder or model"
            f" no longer makes the vectors stored in {folder}. Restore the versions that did,"
            " or embed anew under another spec"
        )
    return alike


def embed_canary(store: Store, runner: Runner, make: Callable[[], Engine]) -> dict[str, Vectors]:
    """The canary's vectors on this runner, by clip."""
    outcomes = list(runner.map(make, _clips(store), batch=8))
    broken = [o for o in outcomes if not isinstance(o, Done)]
    if broken:
        raise UserError(f"the canary's clips do not embed here: {broken[0].detail}")
    return {o.id: o.value for o in outcomes if isinstance(o, Done)}


def _clips(store: Store) -> list[Video]:
    """The clips, in the store: there workers on other machines can read them too."""
    with Temporary() as folder:
        made = clips.canary(Path(folder))
        names = [f"canary/{VERSION}/{path.name}" for path in made]
        for name, path in zip(names, made, strict=True):
            if not store.exists(name):
                store.write(name, path.read_bytes())
    return [Video(name, store.path(name), name) for name in names]


def _cosines(stored: list[dict], now: dict[str, Vectors]) -> list[float]:
    found = []
    for row in stored:
        at = np.flatnonzero(now[row["video_id"]].frame == row["frame"])
        if not len(at):
            return [-1.0]  # other frames were sampled: as far apart as can be
        a = np.asarray(row["vector"], np.float32)
        b = now[row["video_id"]].vector[at[0]].astype(np.float32)
        found.append(float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))))
    return found
