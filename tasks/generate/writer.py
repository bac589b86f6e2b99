"""The generate stage's tasks: one shard of requests, and the table of all of a run."""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

import pyarrow as pa

from data.batches import batched
from data.catalog.database import sql
from data.outcome import Done, Outcome
from data.runs.generations import Log, Planned, Run, generations, media, read_plan
from data.shards.receipts import write_receipt
from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec, GenerateSpec, RagSpec
from data.store import tables
from data.workspace import Workspace
from engines.base import Engine, Runner
from engines.embed.stored_vectors import StoredVectors
from engines.generate.engine import VideoGenerator
from engines.generate.result import Generated
from tasks.progress import Progress
from tasks.retry import shard_task
from tasks.stages import same_weights
from tasks.workers import generate_work

log = logging.getLogger(__name__)

# What suits the bundled model, where nothing else is asked for.
BUNDLED: dict[str, Any] = {
    "precision": "fp32", "width": 64, "height": 64, "frames": 8, "fps": 4.0,
    "steps": 25, "guidance": 4.0, "rag": RagSpec(token_every=1, start=0.65, weights="best"),
}  # fmt: skip


def generate_spec(**asked: Any) -> GenerateSpec:
    """The spec asked for: what is left out is as RAGME has it, or as suits the bundled model."""
    bundled = asked.get("engine", "ragme") == "ragme" and asked.get("base") is None
    usual = GenerateSpec(**BUNDLED) if bundled else GenerateSpec()
    rag = usual.rag.model_dump() | asked.pop("rag", {})
    return GenerateSpec.model_validate(usual.model_dump() | asked | {"rag": rag})


class Generation:
    """One run at work: where, with which engine, on which runner."""

    def __init__(self, workspace: Workspace, run: Run, runner: Runner, shards: list[str]) -> None:
        self.workspace, self.run, self.runner = workspace, run, runner
        self.work = generate_work(workspace.settings)
        items = [i for shard in shards for i in read_plan(workspace.store, run.folder, shard).items]
        clip, stored = EmbedSpec(), None
        if run.embed is not None:
            stage = Stage(run.corpus, "embed", run.embed)
            clip, stored = same_weights(workspace, stage), _stored(workspace, stage, items)
        self.make: Callable[[], Engine] = partial(VideoGenerator, run.spec, clip, self.work, stored)
        self.progress = Progress("generate", len(items))


def _stored(workspace: Workspace, stage: Stage, items: list[Planned]) -> StoredVectors:
    """Where the frame vectors of all that these requests retrieved lie."""
    contents = list({source.content for item in items for source in item.request.sources})
    with workspace.catalog() as catalog:
        rows = catalog.execute(
            sql("stored"), corpus=stage.corpus, embed=stage.fingerprint, contents=contents
        )
    shards = {content: (shard, id) for content, shard, id in sorted(rows)}
    return StoredVectors(workspace.store, stage.folder, shards)


@shard_task("generate")
def generate_shard_task(run: Generation, shard: str) -> Log:
    """Prefect's skin over `generate_shard`."""
    return generate_shard(run, shard)


def generate_shard(at: Generation, shard: str) -> Log:
    """Makes a shard's videos: each file, then its row, and last the shard's receipt.

    A video whose row is there, for the same hits, is not made again.
    """
    started = time.perf_counter()
    store, folder = at.workspace.store, at.run.folder
    plan = read_plan(store, folder, shard)
    items = {item.request.id: item for item in plan.items}
    rows = {id: row for id, item in items.items() if (row := _settled(at, item))}
    if rows:
        at.progress.add(done=len(rows))
    waiting = [item.request for id, item in items.items() if id not in rows]
    spared: Counter[str] = Counter()
    for outcome in at.runner.map(at.make, waiting, at.work.batch):
        rows[outcome.id] = _keep(at, items[outcome.id], outcome)
        spared.update(outcome.value.spared if isinstance(outcome, Done) else {})
    wall = time.perf_counter() - started
    receipt = Log(shard, plan.attempt, tuple(rows[id] for id in items), wall, dict(spared))
    write_receipt(store, folder, receipt)
    log.info("shard %s: %d requests in %.1f s", shard, len(items), wall)
    return receipt


def write_table(workspace: Workspace, run: Run) -> str:
    """Writes the newest row of every request as `tables.GENERATIONS`; its name in the store."""
    name = f"{run.folder}/generations.parquet"
    said = {
        "run": run.fingerprint, "engine": run.spec.engine, "corpus": run.corpus,
        "spec": json.dumps(run.spec.model_dump(), sort_keys=True),
        "model_digest": run.digests.get("model"),
        "controller_digest": run.digests.get("controller"),
    }  # fmt: skip
    with tables.create(workspace.store, name, tables.GENERATIONS) as writer:
        for rows in batched(generations(workspace.store, run), 1024):
            whole = [said | row for row in rows]
            writer.write_table(pa.Table.from_pylist(whole, tables.GENERATIONS))
    return name


def _settled(at: Generation, item: Planned) -> dict[str, Any] | None:
    """The request's row, where its video is made already, or will not be tried."""
    if failed := item.failed:
        return _row(item, reason=failed.reason, detail=failed.detail)
    mark = _mark(at.run, item)
    if not at.workspace.store.exists(mark):
        return None
    said = json.loads(at.workspace.store.read(mark))
    return said["row"] if said["request"] == item.digest else None


def _keep(at: Generation, item: Planned, outcome: Outcome[Generated]) -> dict[str, Any]:
    """The row of an outcome; a video's file is written first, and what marks it as whole last."""
    if not isinstance(outcome, Done):
        at.progress.add(failed=1)
        return _row(item, reason=outcome.reason, detail=outcome.detail[:500])
    made, store = outcome.value, at.workspace.store
    store.write(f"{at.run.folder}/{media(outcome.id)}", made.video)
    row = _row(
        item, file=media(outcome.id), sha256=sha256(made.video).hexdigest(), frames=made.frames,
        fps=at.run.spec.fps, width=made.width, height=made.height, seconds=made.seconds,
        note=_note(made), hits=_hits(made),
    )  # fmt: skip
    store.write(_mark(at.run, item), json.dumps({"request": item.digest, "row": row}).encode())
    at.progress.add(done=1)
    return row


def _mark(run: Run, item: Planned) -> str:
    return f"{run.folder}/{media(item.request.id).removesuffix('.mp4')}.json"


def _row(item: Planned, **said: Any) -> dict[str, Any]:
    """As `tables.GENERATIONS`, without what is the same for the whole run."""
    request = item.request
    empty = dict.fromkeys(name for name in tables.GENERATIONS.names if name not in OF_THE_RUN)
    return empty | {
        "request_id": request.id, "prompt_id": request.prompt_id, "prompt": request.prompt,
        "sample": request.sample, "seed": request.seed, "index_version": item.index, "hits": [],
    } | said  # fmt: skip


OF_THE_RUN = ("run", "engine", "spec", "model_digest", "controller_digest", "corpus")


def _hits(made: Generated) -> list[dict[str, Any]]:
    return [
        {"rank": s.rank, "video_id": s.video_id, "content": s.content, "score": s.score,
         "start_s": each.start_s, "weight": each.weight, "uri": s.uri, "caption": s.caption}
        for each in made.used
        for s in [each.source]
    ]  # fmt: skip


def _note(made: Generated) -> str | None:
    """What a person should know of a video that was made all the same."""
    return "; ".join(f"without {n.video_id}: {n.detail}" for n in made.left_out)[:500] or None
