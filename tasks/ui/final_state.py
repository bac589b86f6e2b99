"""How a run ends in which many videos failed: completed, but under a name that says so."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from prefect.context import FlowRunContext
from prefect.states import Completed

from tasks.ui.pipeline_summary import count_videos

NAME = "Completed with failures"

Result = TypeVar("Result")


def finish_run(result: Result, stages: Mapping[str, Any], threshold: float) -> Result:
    """A flow's result, as a state of this name where a stage has more failures than usual.

    `stages` are the summaries of the run's stages by name, `threshold` the share of a stage's
    videos that usually fails. Who calls the flow gets the result either way.
    """
    messages = [
        f"{stage}: {failed:,} of {tried:,} videos failed"
        for stage, summary in stages.items()
        for failed, tried in [_count_failures(stage, summary)]
        if failed > threshold * tried
    ]
    if not messages or FlowRunContext.get() is None:
        return result
    message = f"{'; '.join(messages)} (more than {threshold:.0%}); see the table of failures"
    return cast(Result, Completed(name=NAME, message=message, data=result))


def _count_failures(stage: str, summary: Any) -> tuple[int, int]:
    done, failed = count_videos(stage, summary)
    return failed or 0, (done or 0) + (failed or 0)
