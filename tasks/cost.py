"""What a run's workers cost."""

from data.settings import Settings
from tasks.workers import worker_gpus


def spent(settings: Settings, seconds: float, workers: int) -> dict[str, float]:
    """GPU-hours of so many workers that were held for so long; without GPUs, worker-hours.

    And their cost, where REELFLOW_PRICE_PER_GPU_HOUR says what an hour costs.
    """
    name = "gpu_hours" if worker_gpus(settings) else "worker_hours"
    hours = held_hours(settings, seconds, workers)
    return {name: hours} | priced(settings, hours)


def held_hours(settings: Settings, seconds: float, workers: int) -> float:
    """The same hours as a number."""
    each = settings.gpus_per_worker if worker_gpus(settings) else 1
    return seconds * workers * each / 3600


def priced(settings: Settings, hours: float) -> dict[str, float]:
    """What so many hours cost, where their price is known."""
    price = settings.price_per_gpu_hour
    return {"cost": hours * price} if price else {}
