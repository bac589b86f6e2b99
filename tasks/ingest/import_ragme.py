"""Taking over frame vectors that another system made."""

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import iter_batches
from data.catalog import merge
from data.catalog.database import load_sql
from data.outcome import Done, Outcome
from data.records import Video
from data.shards.lists import add_shards
from data.shards.receipts import Receipt, Seconds, done_row, write_receipt
from data.shards.stages import Stage, register_stage
from data.specs.pipeline import EmbedSpec
from data.store import layout, tables
from data.store.frame_vectors import FrameVectorWriter
from data.workspace import Workspace
from engines.files.urls import resolve_location
from engines.generate.ragme import import_files
from engines.generate.ragme.import_files import EncodedVideo, read_encoded
from tasks.ingest.part import Counts, Ingest, begin_ingest, finish_ingest
from tasks.stages import ORIGIN
from tasks.url_policy import build_url_policy

VERSION = "imported-1"  # so that these vectors never share an index with our own


@task(name="import-vectors", cache_policy=NO_CACHE, persist_result=False)
def import_vectors(
    workspace: Workspace, source: str, corpus: str, spec: EmbedSpec
) -> dict[str, Any]:
    """Makes a corpus of clip-video-encode's outputs, at the stage where embed would have left it.

    What cannot be known is said so in the stage's `spec.json`. Vectors of two kinds raise before
    anything is written.
    """
    policy = build_url_policy(workspace.settings, source)
    for _ in read_encoded(source, policy):
        pass  # a whole pass, so that a second kind of vector is met before the first is stored
    stage = register_stage(workspace.store, corpus, "embed", spec, VERSION, ORIGIN)
    ingest, counts = begin_ingest(workspace, corpus, source, probe=False), Counts()
    for part, outcomes in enumerate(
        iter_batches(read_encoded(source, policy), workspace.settings.shard_size)
    ):
        fresh = _select_new(workspace, stage, outcomes, counts)
        if fresh:
            _write_videos(workspace, ingest, part, fresh)
            _write_shard(workspace, stage, spec, fresh)
            with workspace.open_catalog() as catalog:
                merge.sync_corpus(catalog, workspace.store, corpus)
    finish_ingest(workspace, ingest, counts)
    return {"corpus": corpus, "fingerprint": stage.fingerprint, "rows": counts.rows,
            "new": counts.new, "unchanged": counts.unchanged, "failed": counts.failed,
            **import_files.ORIGIN}  # fmt: skip


def _digest_frames(encoded: EncodedVideo) -> str:
    """The identity of a video known only by its vectors: their digest."""
    return f"npy:{hashlib.sha256(encoded.frames.tobytes()).hexdigest()}"


def _select_new(
    workspace: Workspace, stage: Stage, outcomes: Sequence[Outcome[EncodedVideo]], counts: Counts
) -> list[Outcome[EncodedVideo]]:
    """Those outcomes that an earlier import has not stored; all are counted."""
    with workspace.open_catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, stage.corpus)
        rows = catalog.execute(
            load_sql("contents_by_id"), corpus=stage.corpus, ids=[o.id for o in outcomes]
        )
    known, fresh = set(rows), []
    for outcome in outcomes:
        counts.rows += 1
        if not isinstance(outcome, Done):
            counts.failed[outcome.reason] = counts.failed.get(outcome.reason, 0) + 1
        elif (outcome.id, _digest_frames(outcome.value)) in known:
            counts.unchanged += 1
            continue
        else:
            counts.new += 1
        fresh.append(outcome)
    return fresh


def _write_videos(
    workspace: Workspace, ingest: Ingest, part: int, outcomes: Sequence[Outcome[EncodedVideo]]
) -> None:
    rows = [_build_row(line, outcome, ingest.source) for line, outcome in enumerate(outcomes)]
    name = f"{layout.videos_folder(ingest.corpus)}/{ingest.run:06d}-{part:06d}.parquet"
    with tables.open_writer(workspace.store, name, tables.VIDEOS) as writer:
        writer.write_table(pa.Table.from_pylist(rows, tables.VIDEOS))


def _build_row(line: int, outcome: Outcome[EncodedVideo], source: str) -> dict[str, Any]:
    row = dict.fromkeys(tables.VIDEOS.names) | {
        "line": line, "id": outcome.id, "columns": "{}", "rejected": False
    }  # fmt: skip
    if not isinstance(outcome, Done):
        return row | {"reason": outcome.reason, "detail": outcome.detail}
    record = dict(outcome.value.record)
    record.pop("videoID", None)
    location, caption = record.pop("videoLoc", None), record.pop("txt", None)
    return row | {
        "uri": resolve_location(str(location), source) if location else None,
        "caption": caption,
        "columns": json.dumps(record, sort_keys=True),
        "content": _digest_frames(outcome.value),
        "note": None if caption else "no caption",
    }


def _write_shard(
    workspace: Workspace, stage: Stage, spec: EmbedSpec, outcomes: Sequence[Outcome[EncodedVideo]]
) -> None:
    """The shard that embed would have written: list, vectors, receipt."""
    started = time.perf_counter()
    done = {_digest_frames(o.value): o for o in outcomes if isinstance(o, Done)}
    store, folder, every_nth = workspace.store, stage.folder, spec.every_nth or 1
    videos = [Video(o.id, str(o.value.record.get("videoLoc")), c) for c, o in done.items()]
    for shard in add_shards(store, folder, videos, max(1, len(videos))):
        with FrameVectorWriter(store, layout.shard_file(folder, shard)) as table:
            for outcome in done.values():
                table.add(outcome.id, *_number_frames(outcome.value, every_nth))
        rows = tuple(done_row(o.id, c, len(o.value.frames)) for c, o in done.items())
        seconds = Seconds(wall=time.perf_counter() - started)
        write_receipt(store, folder, Receipt(shard, 1, VERSION, rows, seconds))


def _number_frames(
    encoded: EncodedVideo, every_nth: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame numbers as the sampling gives them, no times, which were not kept, and the vectors."""
    count = len(encoded.frames)
    frame, seconds = np.arange(count) * every_nth, np.full(count, np.nan)
    return frame, seconds, encoded.frames.astype(np.float16)
