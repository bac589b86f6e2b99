"""The GPU-hours and the cost of a run's workers."""

from data.settings import Settings
from tasks.workers import count_worker_gpus


def compute_cost(settings: Settings, seconds: float, workers: int) -> dict[str, float]:
    """`gpu_hours` of workers held for `seconds`, or `worker_hours` without GPUs; and their `cost`.

    There is no cost unless REELFLOW_PRICE_PER_GPU_HOUR is set.
    """
    name = "gpu_hours" if count_worker_gpus(settings) else "worker_hours"
    hours = compute_hours(settings, seconds, workers)
    return {name: hours} | compute_price(settings, hours)


def compute_hours(settings: Settings, seconds: float, workers: int) -> float:
    """GPU-hours of workers held for `seconds`; worker-hours without GPUs."""
    # Workers are held while they wait too, so wall time counts, not busy time.
    gpus = settings.gpus_per_worker if count_worker_gpus(settings) else 1
    return seconds * workers * gpus / 3600


def compute_price(settings: Settings, hours: float) -> dict[str, float]:
    """The `cost` of so many hours; empty if their price is not set."""
    price = settings.price_per_gpu_hour
    return {"cost": hours * price} if price else {}
