"""Events that automations wait for."""

from collections.abc import Mapping

from prefect.context import FlowRunContext
from prefect.events import emit_event

from data.shards.stages import Stage
from tasks.service.corpus_events import build_corpus_event


def emit_many_failures(
    stage: Stage, failed: Mapping[str, int], tried: int, threshold: float
) -> None:
    """Emits `reelflow.many-failures` where more than a share of a run's videos failed.

    `failed` counts them by reason, `threshold` is the share that is usual. Nothing is emitted
    outside of a flow run.
    """
    total = sum(failed.values())
    if FlowRunContext.get() is None or total <= threshold * tried:
        return
    emit_event(
        "reelflow.many-failures",
        {"prefect.resource.id": f"reelflow.corpus.{stage.corpus}"},
        payload={"stage": stage.kind, "failed": total, "tried": tried,
                 "share": total / tried, "reasons": dict(failed)},
    )  # fmt: skip


def emit_night(corpus: str) -> None:
    """Emits `reelflow.good-night` where a deployment's run brought the corpus up to date."""
    context = FlowRunContext.get()
    # Whoever runs a command sees how it ends; nobody expects it to run again the next night.
    if context is not None and context.flow_run and context.flow_run.deployment_id:
        event = build_corpus_event("good-night", corpus)
        emit_event(event.event, event.resource.root)
