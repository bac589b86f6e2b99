"""Runs an engine on warm Ray actors: loaded once each, and replaced as they die."""

from functools import partial

from engines.runners.pooled import PooledRunner
from engines.runners.ray.cluster import connect_cluster
from engines.runners.ray.pool import ActorPool


class RayRunner(PooledRunner):
    """`workers` actors per engine, shared by all threads that map it.

    Batches start as soon as the first actor has loaded; `wait_s` bounds the wait for Ray to place
    that one.
    """

    def __init__(self, workers: int, address: str | None = None, wait_s: float = 3600.0) -> None:
        super().__init__(partial(ActorPool, workers=workers, wait_s=wait_s))
        self._connected = connect_cluster(address)

    def close(self) -> None:
        """Ends the actors, and leaves the Ray that this runner joined; a local one ends."""
        import ray

        super().close()
        if self._connected:
            ray.shutdown()
