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

from data.batches import batched
from data.catalog import merge
from data.catalog.database import sql
from data.outcome import Done, Outcome
from data.records import Video
from data.shards.lists import Shard, next_number, shard_name, write_shard
from data.shards.receipts import Made, Receipt, Seconds, write_receipt
from data.shards.stages import Stage, register
from data.specs.pipeline import EmbedSpec
from data.store import layout, tables
from data.workspace import Workspace
from engines.embed.frame_packer import Vectors
from engines.files.media import resolve
from engines.generate.ragme import import_files
from engines.generate.ragme.import_files import Encoded, read_encoded
from tasks.embed.shard import write_vectors
from tasks.ingest.part import Counts, Ingest, begin, finish
from tasks.stages import ORIGIN

VERSION = "imported-1"  # so that these vectors never share an index with our own


@task(name="import-vectors", cache_policy=NO_CACHE, persist_result=False)
def import_vectors(
    workspace: Workspace, source: str, corpus: str, spec: EmbedSpec
) -> dict[str, Any]:
    """Makes a corpus of clip-video-encode's outputs, at the stage where embed would have left it.

    What cannot be known is said so in the stage's `spec.json`. Vectors of two kinds raise before
    anything is written.
    """
    for _ in read_encoded(source):
        pass  # a whole pass, so that a second kind of vector is met before the first is stored
    stage = register(workspace.store, corpus, "embed", spec, VERSION, ORIGIN)
    ingest, counts = begin(workspace, corpus, source, probe=False), Counts()
    for part, outcomes in enumerate(batched(read_encoded(source), workspace.settings.shard_size)):
        fresh = _unknown(workspace, stage, outcomes, counts)
        if fresh:
            _ingest(workspace, ingest, part, fresh)
            _embed(workspace, stage, spec, fresh)
            with workspace.catalog() as catalog:
                merge.sync_corpus(catalog, workspace.store, corpus)
    finish(workspace, ingest, counts)
    return {"corpus": corpus, "fingerprint": stage.fingerprint, "rows": counts.rows,
            "new": counts.new, "unchanged": counts.unchanged, "failed": counts.failed,
            **import_files.ORIGIN}  # fmt: skip


def _content(encoded: Encoded) -> str:
    """The identity of a video known only by its vectors: their digest."""
    return f"npy:{hashlib.sha256(encoded.frames.tobytes()).hexdigest()}"


def _unknown(
    workspace: Workspace, stage: Stage, outcomes: Sequence[Outcome[Encoded]], counts: Counts
) -> list[Outcome[Encoded]]:
    """Those outcomes that an earlier import has not stored; all are counted."""
    with workspace.catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, stage.corpus)
        rows = catalog.execute(sql("contents"), corpus=stage.corpus, ids=[o.id for o in outcomes])
    known, fresh = set(rows), []
    for outcome in outcomes:
        counts.rows += 1
        if not isinstance(outcome, Done):
            counts.failed[outcome.reason] = counts.failed.get(outcome.reason, 0) + 1
        elif (outcome.id, _content(outcome.value)) in known:
            counts.unchanged += 1
            continue
        else:
            counts.new += 1
        fresh.append(outcome)
    return fresh


def _ingest(
    workspace: Workspace, ingest: Ingest, part: int, outcomes: Sequence[Outcome[Encoded]]
) -> None:
    rows = [_row(line, outcome, ingest.source) for line, outcome in enumerate(outcomes)]
    name = f"{layout.videos(ingest.corpus)}/{ingest.run:06d}-{part:06d}.parquet"
    with tables.create(workspace.store, name, tables.VIDEOS) as writer:
        writer.write_table(pa.Table.from_pylist(rows, tables.VIDEOS))


def _row(line: int, outcome: Outcome[Encoded], source: str) -> dict[str, Any]:
    row = dict.fromkeys(tables.VIDEOS.names) | {
        "line": line, "id": outcome.id, "columns": "{}", "rejected": False
    }  # fmt: skip
    if not isinstance(outcome, Done):
        return row | {"reason": outcome.reason, "detail": outcome.detail}
    record = dict(outcome.value.record)
    record.pop("videoID", None)
    location, caption = record.pop("videoLoc", None), record.pop("txt", None)
    return row | {
        "uri": resolve(str(location), source) if location else None,
        "caption": caption,
        "columns": json.dumps(record, sort_keys=True),
        "content": _content(outcome.value),
        "note": None if caption else "no caption",
    }


def _embed(
    workspace: Workspace, stage: Stage, spec: EmbedSpec, outcomes: Sequence[Outcome[Encoded]]
) -> None:
    """The shard that embed would have written: list, vectors, receipt."""
    started = time.perf_counter()
    done = {_content(o.value): o for o in outcomes if isinstance(o, Done)}
    shard = shard_name(next_number(workspace.store, stage.folder))
    videos = tuple(Video(o.id, str(o.value.record.get("videoLoc")), c) for c, o in done.items())
    write_shard(workspace.store, stage.folder, Shard(shard, 1, videos))
    vectors = ((o.id, _vectors(o.value, spec.every_nth or 1)) for o in done.values())
    write_vectors(workspace.store, layout.shard_file(stage.folder, shard), vectors)
    made = tuple(Made(o.id, c, len(o.value.frames)) for c, o in done.items())
    seconds = Seconds(wall=time.perf_counter() - started)
    receipt = Receipt(shard, 1, VERSION, made, (), seconds)
    write_receipt(workspace.store, stage.folder, receipt)


def _vectors(encoded: Encoded, every_nth: int) -> Vectors:
    """Frame numbers follow from the sampling; their times were not kept."""
    count = len(encoded.frames)
    return Vectors(
        np.arange(count) * every_nth, np.full(count, np.nan),
        encoded.frames.astype(np.float16), 0.0, 0.0, 0.0,
    )  # fmt: skip
