"""Which runner a run works on, and how its workers are set up on this machine."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from engines.base import Needs, Runner
from engines.embed.engine import Work
from engines.evaluate.engine import EvaluateWork
from engines.generate.engine import GenerateWork
from engines.generate.protocol import Speed
from engines.video.probe import Prober
from tasks.gpus import gpus_held
from tasks.shutdown import ends_soon

WORKER_BYTES = 3 << 29  # of an evaluating worker: 1.5 GB of imports and frames
START_S = 300.0  # that a process of Ray's may take to start on a busy machine
WEIGHTS_TIMES = 3  # and its weights, half precision made single, with what they compute
LANES = 2  # as many batches of videos as a Ray actor has in flight


@contextmanager
def open_runner(settings: Settings, workers: int) -> Iterator[Runner]:
    """The runner that the settings name; its workers, and their GPUs, are its own in the block.

    A run that is told to end there ends within seconds, and its workers with it.
    """
    with ends_soon(), gpus_held(gpus_of(settings, workers), settings.wait_s):
        runner = _make(settings, workers)
        try:
            yield runner
        finally:
            runner.close()


def _make(settings: Settings, workers: int) -> Runner:
    if settings.runner == "in_process":
        from engines.runners.in_process import InProcessRunner

        return InProcessRunner()
    from engines.runners.ray.runner import RayRunner

    wait_s = max(settings.wait_s, START_S) if settings.ray_address else START_S  # none joins ours
    return RayRunner(workers, settings.ray_address, wait_s)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> int:
    """GPUs that this process may use, without loading torch."""
    from glob import glob

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    return len(glob("/dev/nvidia[0-9]*"))


def worker_gpus(settings: Settings) -> int:
    """GPUs for workers: of a cluster they are told, since flows may run on a machine without."""
    return gpus() if settings.gpus is None else settings.gpus


def gpus_of(settings: Settings, workers: int) -> int:
    """GPUs that so many workers take together; those begun count in full."""
    return math.ceil(workers * settings.gpus_per_worker) if worker_gpus(settings) else 0


def _share(settings: Settings) -> int:
    """Cores for each worker."""
    return settings.cores_per_worker or max(1, cores() // embed_workers(settings))


def embed_workers(settings: Settings) -> int:
    """One worker a GPU share; without GPUs one worker that has all cores."""
    return settings.workers or max(1, int(worker_gpus(settings) / settings.gpus_per_worker))


def probing(settings: Settings) -> Settings:
    """For looking at videos: that takes no GPU, and is not worth a Ray of its own."""
    changed: dict[str, Any] = {"gpus": 0}
    if settings.ray_address is None:
        changed |= {"runner": "in_process"}
    return settings.model_copy(update=changed)


def prober(settings: Settings) -> partial[Prober]:
    """Makes what looks at videos, with a process a core; of a node's cores the settings tell."""
    children = cores() if settings.ray_address is None else _share(probing(settings))
    return partial(Prober, children, settings.decode_deadline_s, settings.decoder_memory_gb)


def embed_work(settings: Settings) -> Work:
    """How each embedding worker is set up.

    Without a GPU, decoders and model share the cores: as many decoders as there are cores, since
    whichever waits leaves its core to the other, and two batches embedded side by side, each by
    half the cores: a batch by all cores spins where its threads wait for each other. ViT-B-32 in
    bf16 on two shared cores: 35 ms of CPU a frame against 52 (`make bench`, "setups").
    """
    share, on_gpu = _share(settings), worker_gpus(settings) > 0
    lanes = 1 if on_gpu else min(LANES, share)
    return Work(
        decoders=settings.decoders or share,
        lanes=lanes,
        threads=settings.threads or (None if on_gpu else share // lanes),
        frames_per_batch=settings.frames_per_batch,
        decode_deadline_s=settings.decode_deadline_s,
        decoder_memory_gb=settings.decoder_memory_gb,
        compile=settings.compile,
        needs=Needs(
            cpus=0 if settings.ray_address is None else share,
            gpus=settings.gpus_per_worker if on_gpu else 0,
            deadline_s=settings.item_deadline_s,
        ),
    )


def generate_work(settings: Settings) -> GenerateWork:
    """How each generating worker is set up: on a GPU four videos at once, else one."""
    share, on_gpu = _share(settings), worker_gpus(settings) > 0
    speed = Speed(
        threads=settings.threads or (None if on_gpu else share),
        compile=settings.compile,
        offload=settings.offload,
        vae_slicing=settings.vae_slicing,
    )
    return GenerateWork(
        batch=settings.generate_batch or (4 if on_gpu else 1),
        speed=speed,
        decoders=settings.decoders or share,
        decode_deadline_s=settings.decode_deadline_s,
        decoder_memory_gb=settings.decoder_memory_gb,
        needs=Needs(
            cpus=0 if settings.ray_address is None else share,
            gpus=settings.gpus_per_worker if on_gpu else 0,
            deadline_s=settings.item_deadline_s,
        ),
    )


def evaluate_workers(settings: Settings, spec: EvaluateSpec) -> int:
    """One worker a GPU share; without GPUs one a core, as many as half of the memory holds.

    On a CPU each computes with one thread, so that any number of them gives the same scores.
    """
    if settings.workers or worker_gpus(settings):
        return embed_workers(settings)
    import psutil

    held = sum(os.path.getsize(file) for file in spec.weights.values() if os.path.isfile(file))
    each = WORKER_BYTES + WEIGHTS_TIMES * held
    return max(1, min(cores(), psutil.virtual_memory().total // 2 // each))


def evaluate_work(settings: Settings) -> EvaluateWork:
    """How each evaluating worker is set up: one decoder reads ahead of its model."""
    on_gpu = worker_gpus(settings) > 0
    return EvaluateWork(
        decoders=settings.decoders or 1,
        decode_deadline_s=settings.decode_deadline_s,
        decoder_memory_gb=settings.decoder_memory_gb,
        needs=Needs(
            cpus=0 if settings.ray_address is None else 1,
            gpus=settings.gpus_per_worker if on_gpu else 0,
            deadline_s=settings.item_deadline_s,
        ),
    )
