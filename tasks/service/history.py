"""Prefect's history of our runs, which would otherwise grow for as long as the server lives."""

from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.types._datetime import now

TAG = "reelflow"  # of every deployment of ours: the server may have flows of others
PAGE = 200


def prune_history(client: SyncPrefectClient, days: int, remove: bool) -> int:
    """Deletes our flow runs that ended more than `days` days ago, with their tasks and logs.

    Returns how many there are; with `remove` off it only counts them. Runs of flows that have no
    deployment with our tag are left alone.
    """
    flows = _list_flows(client)
    if not flows:
        return 0
    chosen = filters.FlowFilter(id=filters.FlowFilterId(any_=flows))
    # Subflows of a run go with it or are older: their flows are deployed as well.
    ended = filters.FlowRunFilter(
        end_time=filters.FlowRunFilterEndTime(before_=now("UTC") - timedelta(days=days)),
        state=filters.FlowRunFilterState(
            type=filters.FlowRunFilterStateType(any_=list(TERMINAL_STATES))
        ),
    )
    if not remove:
        return client.count_flow_runs(flow_filter=chosen, flow_run_filter=ended)
    deleted = 0
    while runs := client.read_flow_runs(flow_filter=chosen, flow_run_filter=ended, limit=PAGE):
        for run in runs:
            client.delete_flow_run(run.id)
        deleted += len(runs)
    return deleted


def _list_flows(client: SyncPrefectClient) -> list[UUID]:
    ours = filters.DeploymentFilter(tags=filters.DeploymentFilterTags(all_=[TAG]))
    found, offset = set[UUID](), 0
    while page := client.read_deployments(deployment_filter=ours, limit=PAGE, offset=offset):
        found |= {each.flow_id for each in page}
        offset += PAGE
    return sorted(found)
