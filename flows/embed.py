"""The embed flow: every video that has no frame vectors under a spec gets them."""

import time
from collections import deque
from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from data import merge
from data.chain import Stage
from data.errors import UserError
from data.outcome import REASONS
from data.settings import Settings
from data.specs import EmbedSpec
from data.workplace import Workplace, open_workplace
from tasks.canary import check_canary
from tasks.embed import Embedding, embed_shard_task
from tasks.plan import plan, planned
from tasks.progress import say
from tasks.report import Tally, publish
from tasks.runners import embed_workers, open_runner
from tasks.stages import embed_stage

AT_ONCE = 32  # most shards under way; each is a thread that waits
MERGE_EVERY_S = 10.0


@flow(
    name="embed",
    flow_run_name="embed-{corpus}",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def embed(
    corpus: str, spec: EmbedSpec = EmbedSpec(), retry: list[str] | None = None
) -> dict[str, Any]:
    """Embeds what is missing, shard by shard; what is done stays done, however often it is run.

    Args:
        corpus: a corpus that was ingested
        spec: the model, its weights and precision, and which frames are sampled
        retry: reasons whose failures are tried again; an empty list means all
    """
    place = open_workplace(Settings())
    reasons = () if retry is None else tuple(retry or REASONS)
    with place.only_run(place.known(corpus), "embed", say):
        stage = embed_stage(place, corpus, spec)
        shards = plan(place, stage, reasons)
        tally, seconds, hours = _run(place, stage, spec, shards)
        tally.refuse_nothing(place)
    summary = tally.summary(seconds, hours)
    publish("embed", corpus, summary)
    return summary


def _run(
    place: Workplace, stage: Stage, spec: EmbedSpec, shards: list[str]
) -> tuple[Tally, float, float]:
    """What came of the shards, the seconds they took, and the hours of video they hold."""
    workers = embed_workers(place.settings)
    tally = Tally(stage, workers)
    if not shards:
        return tally, 0.0, 0.0
    with open_runner(place.settings, workers) as runner:
        run = Embedding(place, stage, spec, runner)
        check_canary(run)
        run.progress.total, run.progress.total_hours = planned(place, stage, shards)
        started = run.progress.started = time.monotonic()
        try:
            _shards(run, shards, min(2 * workers, AT_ONCE), tally)
        finally:
            _merge(place, stage)
        return tally, time.monotonic() - started, run.progress.hours


def _shards(run: Embedding, shards: list[str], at_once: int, tally: Tally) -> None:
    """Runs every shard, `at_once` at a time; one that raises does not keep the others back."""
    flying: deque[PrefectFuture] = deque()
    errors: list[Exception] = []
    merged = time.monotonic()
    for shard in [*shards, *[None] * at_once]:
        if len(flying) == at_once or (shard is None and flying):
            _land(flying.popleft(), tally, errors)
        if shard is not None:
            flying.append(embed_shard_task.submit(run, shard))
        if time.monotonic() - merged > MERGE_EVERY_S:
            _merge(run.place, run.stage)
            merged = time.monotonic()
    if errors:
        raise errors[0]


def _land(future: PrefectFuture, tally: Tally, errors: list[Exception]) -> None:
    try:
        tally.add(future.result())
    except UserError:
        raise
    except Exception as error:
        errors.append(error)


def _merge(place: Workplace, stage: Stage) -> None:
    with place.catalog() as catalog:
        merge.sync_stage(catalog, place.store, stage.corpus, stage.kind, stage.fingerprint)
