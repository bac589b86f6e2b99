"""The canary: fixed clips embedded before every run, to detect drift before it is stored."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.outcome import Done
from data.records import Video
from data.store import tables
from data.store.frame_vectors import FrameVectorWriter
from data.store.storage import Store
from data.store.temporary import TemporaryFolder
from engines.base import Engine, Runner
from engines.embed.frame_packer import FrameVectors
from engines.tiny.canary import write_canary
from tasks.embed.writer import EmbedRun

VERSION = "1"
# Other thread counts and builds stay above this cosine; a swapped colour channel is far below.
MIN_COSINE = 0.999


@task(name="canary", cache_policy=NO_CACHE, persist_result=False)
def check_canary(run: EmbedRun) -> float:
    """The smallest cosine between the canary's vectors now and those first stored for the stage.

    A UserError where they drifted apart: colours, decoder, resize or model are no longer those
    that made the stored vectors. The first run of a stage stores its vectors, and returns 1.
    """
    store, folder = run.store, run.folder
    clips = embed_canary(store, run.runner, run.make)
    name = f"{folder}/canary-{VERSION}.parquet"
    if not store.exists(name):
        with FrameVectorWriter(store, name) as table:
            for id, vectors in clips.items():
                table.add(id, vectors.frame, vectors.seconds, vectors.vector)
        return 1.0
    cosine = min(_compute_cosines(tables.read_table(store, name).to_pylist(), clips))
    if cosine < MIN_COSINE:
        raise UserError(
            f"the canary drifted (cosine {cosine:.4f} < {MIN_COSINE}): this machine's decoder or"
            f" model no longer makes the vectors stored in {folder}. Restore the versions that"
            " made them, or embed under another spec"
        )
    return cosine


def embed_canary(
    store: Store, runner: Runner, make: Callable[[], Engine]
) -> dict[str, FrameVectors]:
    """The canary's vectors as this runner makes them, by clip; a UserError where one fails."""
    outcomes = list(runner.map(make, _write_clips(store), batch=8))
    failed = [outcome for outcome in outcomes if not isinstance(outcome, Done)]
    if failed:
        raise UserError(f"the canary's clips cannot be embedded here: {failed[0].detail}")
    return {done.id: done.value for done in outcomes if isinstance(done, Done)}


def _write_clips(store: Store) -> list[Video]:
    """Writes the clips into the store, unless they are there; each as an item to embed."""
    # In the store workers on other machines can read them too.
    with TemporaryFolder() as folder:
        paths = write_canary(Path(folder))
        names = [f"canary/{VERSION}/{path.name}" for path in paths]
        for name, path in zip(names, paths, strict=True):
            if not store.exists(name):
                store.write(name, path.read_bytes())
    return [Video(name, store.path(name), name) for name in names]


def _compute_cosines(rows: list[dict], clips: dict[str, FrameVectors]) -> list[float]:
    """The cosine of each stored row's vector with that of the same frame now."""
    cosines = []
    for row in rows:
        clip = clips[row["video_id"]]
        positions = np.flatnonzero(clip.frame == row["frame"])
        if not len(positions):
            return [-1.0]  # other frames were sampled: as far apart as vectors can be
        stored = np.asarray(row["vector"], np.float32)
        current = clip.vector[positions[0]].astype(np.float32)
        norms = np.linalg.norm(stored) * np.linalg.norm(current)
        cosines.append(float(stored @ current / norms))
    return cosines
