"""How a run ends in which many videos failed: completed, but under a name that says so."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.states import Completed

from tasks.ui.stage_results import count_videos

NAME = "Completed with failures"

Result = TypeVar("Result")

_messages: dict[UUID, str] = {}  # of runs of this process that are about to end, by their ids


def finish_run(result: Result, stages: Mapping[str, Any], threshold: float) -> Result:
    """A flow's result; where a stage has more failures than usual, the run's state will say so.

    `stages` are the summaries of the run's stages by name, `threshold` the share of a stage's
    videos that usually fails. To be returned by a flow that has `tasks.ui.hooks`.
    """
    messages = [
        f"{stage}: {failed:,} of {tried:,} videos failed"
        for stage, summary in stages.items()
        for failed, tried in [_count_failures(stage, summary)]
        if failed > threshold * tried
    ]
    context = FlowRunContext.get()
    if messages and context is not None and context.flow_run is not None:
        more = f"(more than {threshold:.0%}); see the table of failures"
        _messages[context.flow_run.id] = f"{'; '.join(messages)} {more}"
    return result


def name_state(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Names the state of a run with many failures; a hook, called when the run has completed.

    A flow that returned such a state itself would lose its result wherever the server's answer
    is lost and asked for again: the second answer is the server's own state, which has none.
    """
    message = _messages.pop(flow_run.id, None)
    if message is None:
        return
    try:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run.id, Completed(name=NAME, message=message))
    except Exception as error:  # whatever it is, the run has completed
        logging.getLogger(__name__).warning("%s, but the run is not named so: %s", message, error)


def _count_failures(stage: str, summary: Any) -> tuple[int, int]:
    done, failed = count_videos(stage, summary)
    return failed or 0, (done or 0) + (failed or 0)
