"""The runner of one run: chosen by the settings, with its GPUs held and its end in time."""

from collections.abc import Iterator
from contextlib import contextmanager

from data.errors import UserError
from data.settings import Settings
from engines.base import Runner
from tasks.service.gpu_limit import hold_gpus
from tasks.service.shutdown import exit_on_termination
from tasks.workers import count_gpus_held

START_S = 300.0  # that a process of Ray's may take to start on a busy machine


@contextmanager
def open_runner(settings: Settings, workers: int) -> Iterator[Runner]:
    """Opens the runner that the settings name; its workers and their GPUs are held in the block.

    A run that is terminated in the block ends within seconds, and its workers with it.
    """
    # GPUs are taken before Ray starts: a run that waits for them holds no workers.
    with exit_on_termination(), hold_gpus(count_gpus_held(settings, workers), settings.wait_s):
        runner = _make_runner(settings, workers)
        try:
            yield runner
        finally:
            runner.close()


def choose_runner(settings: Settings, workers: int) -> str:
    """Where a run's workers are: as `REELFLOW_RUNNER` says, else wherever starting costs least.

    "ray" on a cluster, or where several workers share this machine and its GPUs; else "process",
    one process with the same limits and retries. Both give the same outcomes, byte for byte.
    """
    # Ray places workers, and one on this machine needs no placing: what its start costs beside a
    # process's is in `make bench`, "startup".
    if settings.runner == "process" and workers > 1:
        raise UserError(f"one process is no {workers} workers: add --workers 1, or use Ray")
    if settings.runner != "auto":
        return settings.runner
    return "ray" if settings.ray_address or workers > 1 else "process"


def _make_runner(settings: Settings, workers: int) -> Runner:
    match choose_runner(settings, workers):
        case "in_process":
            from engines.runners.in_process import InProcessRunner

            return InProcessRunner()
        case "process":
            from engines.runners.process.runner import ProcessRunner

            return ProcessRunner()
    from engines.runners.ray.runner import RayRunner

    # No node joins a Ray of our own later on: waiting longer than its start gains nothing.
    wait_s = max(settings.wait_s, START_S) if settings.ray_address else START_S
    return RayRunner(workers, settings.ray_address, wait_s)
