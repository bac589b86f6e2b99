"""Prepares a server for deployments: work pools, their queues by priority, the GPU limit."""

from contextlib import suppress

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from data.settings import Settings
from tasks.service.gpu_limit import LIMIT
from tasks.workers import count_worker_gpus

POOL = "reelflow"
# Of runs that start others and wait for them: in one pool they could hold all places.
BACKFILL_POOL = "reelflow-backfills"
QUEUES = {"default": 1, "backfill": 2}  # lower numbers run first: windows can wait


def prepare_server(client: SyncPrefectClient, settings: Settings) -> None:
    """Creates what is missing; what was changed on the server stays, except with REELFLOW_GPUS set.

    The limit has a slot for every GPU that workers may use; without GPUs there is no limit.
    """
    template = ProcessWorker.get_default_base_job_template()
    for pool in (POOL, BACKFILL_POOL):
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(
                WorkPoolCreate(name=pool, type="process", base_job_template=template)
            )
    for name, priority in QUEUES.items():
        with suppress(ObjectAlreadyExists):
            client.create_work_queue(name, priority=priority, work_pool_name=POOL)
    if gpus := count_worker_gpus(settings):
        _set_gpu_limit(client, gpus, settings.gpus is not None)


def _set_gpu_limit(client: SyncPrefectClient, gpus: int, explicit: bool) -> None:
    names = {limit.name for limit in client.read_global_concurrency_limits()}
    if LIMIT not in names:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=LIMIT, limit=gpus))
    elif explicit:
        client.upsert_global_concurrency_limit_by_name(LIMIT, gpus)
