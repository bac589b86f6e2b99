"""Worker sizing: how many workers a run has on this machine, and how each is set up."""

import math
import os
from collections.abc import Iterable
from functools import partial
from typing import Any

from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.specs.refine import RefineSpec
from engines.annotate.engine import AnnotateSetup
from engines.base import Needs
from engines.embed.engine import EmbedSetup
from engines.generate.engine import GenerateSetup
from engines.generate.protocol import Speed
from engines.video.probe import Prober
from engines.worker import WorkerSetup
from tasks.url_policy import build_url_policy

WORKER_BYTES = 3 << 29  # an evaluating worker's imports and frames: 1.5 GB
WEIGHTS_TIMES = 3  # its weights are cast from half to single precision, and need activations
FEW_VIDEOS = 16  # scored by one worker before Ray and a second model are there
MANY = FEW_VIDEOS + 1
CONCURRENT_BATCHES = 2  # as many batches of videos as a Ray actor has in flight


def count_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_gpus() -> int:
    """The number of GPUs that this process may use."""
    from glob import glob

    # torch would count them too, but takes seconds to import; a command may need no more of it.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    return len(glob("/dev/nvidia[0-9]*"))


def count_worker_gpus(settings: Settings) -> int:
    """The number of GPUs for workers: `REELFLOW_GPUS`, else those of this machine."""
    # A cluster's must be set: its flows may run on a machine without a GPU.
    return count_gpus() if settings.gpus is None else settings.gpus


def count_gpus_held(settings: Settings, workers: int) -> int:
    """The number of GPUs that so many workers take together; a shared one counts in full."""
    return math.ceil(workers * settings.gpus_per_worker) if count_worker_gpus(settings) else 0


def _cores_per_worker(settings: Settings) -> int:
    """The number of cores for each worker."""
    return settings.cores_per_worker or max(1, count_cores() // count_workers(settings))


def count_workers(settings: Settings) -> int:
    """The number of workers: one for each GPU share; without GPUs, one that has all cores."""
    return settings.workers or max(1, int(count_worker_gpus(settings) / settings.gpus_per_worker))


def to_probe_settings(settings: Settings) -> Settings:
    """The settings for probing videos: no GPU, and no Ray of its own."""
    changed: dict[str, Any] = {"gpus": 0}
    if settings.ray_address is None:  # probing has no model: its decoders are the only processes
        changed |= {"runner": "in_process"}
    return settings.model_copy(update=changed)


def build_probe_engine(settings: Settings) -> partial[Prober]:
    """A factory of the engine that probes videos."""
    return partial(Prober, build_probe_setup(settings))


def build_probe_setup(settings: Settings) -> WorkerSetup:
    """The set-up of a worker that only decodes: no GPU, one decoder process for each core."""
    # On a cluster the nodes' cores are known from the settings alone.
    processes = (
        count_cores()
        if settings.ray_address is None
        else _cores_per_worker(to_probe_settings(settings))
    )
    return WorkerSetup(**_common_fields(to_probe_settings(settings), processes, processes))


def build_embed_setup(settings: Settings) -> EmbedSetup:
    """The set-up of each embedding worker.

    Without a GPU, decoders and model share the cores: there are as many decoders as cores, and two
    batches are embedded side by side, each by half of the cores.
    """
    # A decoder or model that waits leaves its core to the other. One batch on all cores spins where
    # its threads wait for each other: ViT-B-32 in bf16 on two shared cores takes 52 ms of CPU a
    # frame so, and 35 ms as two batches (`make bench`, "setups").
    share, on_gpu = _cores_per_worker(settings), count_worker_gpus(settings) > 0
    batches = 1 if on_gpu else min(CONCURRENT_BATCHES, share)
    return EmbedSetup(
        **_common_fields(settings, settings.decoders or share, share), concurrent_batches=batches,
        threads=settings.threads or (None if on_gpu else share // batches),
        frames_per_batch=settings.frames_per_batch, compile=settings.compile,
    )  # fmt: skip


def build_annotate_setup(settings: Settings) -> AnnotateSetup:
    """The set-up of each annotating worker: one decoder reads ahead of its model."""
    share, key = _cores_per_worker(settings), settings.api_key
    return AnnotateSetup(
        **_common_fields(settings, settings.decoders or 1, share), server=settings.server,
        threads=settings.threads or share, concurrent_requests=settings.concurrent_requests,
        request_deadline_s=settings.request_deadline_s,
        api_key=key.get_secret_value() if key else None,
    )  # fmt: skip


def build_generate_setup(settings: Settings) -> GenerateSetup:
    """The set-up of each generating worker: four videos at once on a GPU, else one."""
    share, on_gpu = _cores_per_worker(settings), count_worker_gpus(settings) > 0
    speed = Speed(
        threads=settings.threads or (None if on_gpu else share), compile=settings.compile,
        offload=settings.offload, vae_slicing=settings.vae_slicing,
    )  # fmt: skip
    return GenerateSetup(
        **_common_fields(settings, settings.decoders or share, share),
        batch=settings.generate_batch or (4 if on_gpu else 1),
        speed=speed,
    )


def count_evaluate_workers(settings: Settings, spec: EvaluateSpec, videos: int = MANY) -> int:
    """The number of evaluating workers: one for each GPU share; without GPUs, one for each core.

    On a CPU they are no more than half of the memory holds, and one where there are few videos.
    """
    return _count_single_thread_workers(settings, spec.weights.values(), videos)


def count_refine_workers(settings: Settings, spec: RefineSpec) -> int:
    """The number of refining workers, as of evaluating ones."""
    return _count_single_thread_workers(settings, filter(None, [spec.weights]))


def _count_single_thread_workers(
    settings: Settings, weights: Iterable[str], videos: int = MANY
) -> int:
    if settings.workers or count_worker_gpus(settings):
        return count_workers(settings)
    if videos <= FEW_VIDEOS:
        return 1
    import psutil

    # Each computes with one thread, so that any number of workers gives the same figures.
    size = sum(os.path.getsize(file) for file in weights if os.path.isfile(file))
    worker_bytes = WORKER_BYTES + WEIGHTS_TIMES * size
    return max(1, min(count_cores(), psutil.virtual_memory().total // 2 // worker_bytes))


def build_evaluate_setup(settings: Settings) -> WorkerSetup:
    """The set-up of each evaluating or refining worker: one decoder, ahead of its model."""
    return WorkerSetup(**_common_fields(settings, settings.decoders or 1, 1))


def _common_fields(settings: Settings, decoders: int, cpus: int) -> dict[str, Any]:
    """The fields of every worker's set-up."""
    needs = Needs(
        # A Ray of this machine's own has no other user to share cores with.
        cpus=0 if settings.ray_address is None else cpus,
        gpus=settings.gpus_per_worker if count_worker_gpus(settings) > 0 else 0,
        deadline_s=settings.item_deadline_s,
    )
    return {
        "decoders": decoders,
        "decode_deadline_s": settings.decode_deadline_s,
        "decoder_memory_gb": settings.decoder_memory_gb,
        "needs": needs,
        "url_policy": build_url_policy(settings),
    }
