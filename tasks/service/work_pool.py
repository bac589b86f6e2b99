"""What a server has before anything is deployed: a pool, its queues in order, the limit of GPUs."""

from contextlib import suppress

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from data.settings import Settings
from tasks.gpus import LIMIT
from tasks.workers import worker_gpus

POOL = "reelflow"
QUEUES = {"default": 1, "backfill": 2}  # first what has the lower number: windows can wait


def prepare(client: SyncPrefectClient, settings: Settings) -> None:
    """Makes what is not there; what somebody has changed since stays, but for REELFLOW_GPUS.

    The limit has as many slots as there are GPUs for workers; there is none where there are none.
    """
    with suppress(ObjectAlreadyExists):
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type="process", base_job_template=template)
        )
    for name, priority in QUEUES.items():
        with suppress(ObjectAlreadyExists):
            client.create_work_queue(name, priority=priority, work_pool_name=POOL)
    if gpus := worker_gpus(settings):
        _limit(client, gpus, settings.gpus is not None)


def _limit(client: SyncPrefectClient, gpus: int, asked_for: bool) -> None:
    there = {limit.name for limit in client.read_global_concurrency_limits()}
    if LIMIT not in there:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=LIMIT, limit=gpus))
    elif asked_for:
        client.upsert_global_concurrency_limit_by_name(LIMIT, gpus)
