"""Imports frame vectors that another system (clip-video-encode) made."""

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
from data.shards.lists import add_shards, list_pending
from data.shards.receipts import Receipt, Seconds, done_row, write_receipt
from data.shards.stages import Stage, register_stage
from data.specs.pipeline import EmbedSpec
from data.store import layout, tables
from data.store.frame_vectors import FrameVectorWriter
from data.workspace import Workspace
from engines.files.urls import resolve_location
from engines.generate.ragme import import_files
from engines.generate.ragme.import_files import EncodedVideo, read_encoded
from tasks.ingest.counts import Counts
from tasks.ingest.part import Ingest, begin_ingest, finish_ingest
from tasks.stages import ORIGIN
from tasks.url_policy import build_url_policy

VERSION = "imported-1"  # a version of its own: these vectors never share an index with ours


@task(name="import-vectors", cache_policy=NO_CACHE, persist_result=False)
def import_vectors(
    workspace: Workspace, source: str, corpus: str, spec: EmbedSpec
) -> dict[str, Any]:
    """Imports clip-video-encode's outputs as a corpus that is embedded; the counts of its rows.

    The stage's `spec.json` says what cannot be known of the vectors. Vectors of two widths or
    precisions raise before anything is written.
    """
    policy = build_url_policy(workspace.settings, source)
    for _ in read_encoded(source, policy):
        pass  # reads all, so that vectors that do not fit together raise before any is stored
    stage = register_stage(workspace.store, corpus, "embed", spec, VERSION, ORIGIN)
    # Lists of an import that was killed: their vectors are imported below, under new lists.
    for shard in list_pending(workspace.store, stage.folder):
        workspace.store.delete(layout.shard_list(stage.folder, shard))
    ingest, counts = begin_ingest(workspace, corpus, source, probe=False), Counts()
    for part, outcomes in enumerate(
        iter_batches(read_encoded(source, policy), workspace.settings.shard_size)
    ):
        new = _select_new(workspace, stage, outcomes, counts)
        if new:
            _write_videos(workspace, ingest, part, new)
            _write_shard(workspace, stage, spec, new, source)
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
    """Counts all outcomes; those that no earlier import has stored."""
    with workspace.open_catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, stage.corpus)
        rows = catalog.execute(
            load_sql("imported_videos"),
            corpus=stage.corpus,
            fingerprint=stage.fingerprint,
            ids=[outcome.id for outcome in outcomes],
        )
    known, new = set(rows), []
    for outcome in outcomes:
        counts.rows += 1
        if not isinstance(outcome, Done):
            counts.failed[outcome.reason] = counts.failed.get(outcome.reason, 0) + 1
        elif (outcome.id, _digest_frames(outcome.value)) in known:
            counts.unchanged += 1
            continue
        else:
            counts.new += 1
        new.append(outcome)
    return new


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
    record.pop("videoLoc", None)
    caption = record.pop("txt", None)
    # No file may be left of it: the digest of its vectors identifies the video.
    return row | {
        "uri": _find_location(outcome.value, source),
        "caption": caption,
        "columns": json.dumps(record, sort_keys=True),
        "content": _digest_frames(outcome.value),
        "note": None if caption else "no caption",
    }


def _find_location(encoded: EncodedVideo, source: str) -> str | None:
    location = encoded.record.get("videoLoc")
    return resolve_location(str(location), source) if location else None


def _write_shard(
    workspace: Workspace, stage: Stage, spec: EmbedSpec,
    outcomes: Sequence[Outcome[EncodedVideo]], source: str,
) -> None:  # fmt: skip
    """Writes a shard as embed would have: list, vectors, and last the receipt."""
    started = time.perf_counter()
    done = {
        _digest_frames(outcome.value): outcome for outcome in outcomes if isinstance(outcome, Done)
    }
    store, folder, every_nth = workspace.store, stage.folder, spec.every_nth or 1
    videos = [Video(o.id, _find_location(o.value, source) or "", c) for c, o in done.items()]
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
    """Frame numbers by the sampling, times of NaN, since none were kept, and float16 vectors."""
    count = len(encoded.frames)
    frame, seconds = np.arange(count) * every_nth, np.full(count, np.nan)
    return frame, seconds, encoded.frames.astype(np.float16)
