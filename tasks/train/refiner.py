"""Trains a refiner on prepared clips, and records what it was trained with."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.shards.stages import Stage
from data.specs.pipeline import fingerprint
from data.specs.train_refiner import TrainRefinerSpec
from data.workspace import Workspace
from engines.refine.training.trainer import WEIGHTS, RefinerTrainer
from engines.refine.training.windows import StoredClips
from engines.refine.weights import digest_weights, find_weights
from tasks.service.gpu_limit import hold_gpus, is_main_process
from tasks.service.turns import wait_turn
from tasks.train.clips import open_clips, split_groups
from tasks.train.records import make_reporter, read_finished, write_record
from tasks.workers import count_gpus_held

VERSION = "1"


@task(name="train-refiner", cache_policy=NO_CACHE, persist_result=False)
def run_refiner_training(
    workspace: Workspace, stage: Stage, spec: TrainRefinerSpec, out: str
) -> dict[str, Any]:
    """Trains a refiner in the folder `out`, or resumes there; a summary of the training.

    A UserError where the folder holds anything but this training.
    """
    folder, (frames, videos) = Path(out), open_clips(workspace, stage)
    held_out = split_groups(videos, spec.held_out, spec.seed)
    clips = StoredClips(frames, held_out, spec)
    # By content: the same path may hold other weights another day.
    start = digest_weights(find_weights(spec.refiner, spec.start)) if spec.start else None
    record: dict[str, Any] = {
        "fingerprint": fingerprint(spec, VERSION, stage.fingerprint, start or ""),
        "start": start,
        "corpus": stage.corpus, "clips": stage.fingerprint, "spec": spec.model_dump(mode="json"),
        "videos": len(videos), "trained_on": len(clips.rows[False]),
        "held_out": len(clips.rows[True]), "left_out": frames.left_out(),
    }  # fmt: skip
    lock = workspace.lock_local_folder(str(folder.absolute()), wait_turn)
    with lock if is_main_process() else nullcontext():
        done = read_finished(
            folder, record,
            lambda made, steps: made["spec"]["steps"] == steps
            and "held_out_psnr" in made and (folder / WEIGHTS).exists(),
        )  # fmt: skip
        if done is None:
            done = record | _train(workspace, spec, clips, folder, record)
    keys = "videos", "trained_on", "held_out", "left_out", "steps", "held_out_psnr"
    return {"refiner": str((folder / WEIGHTS).absolute())} | {key: done[key] for key in keys}


def _train(
    workspace: Workspace, spec: TrainRefinerSpec, clips: StoredClips, folder: Path,
    record: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Trains, and writes the record; what the training came to."""
    settings, processes = workspace.settings, int(os.environ.get("WORLD_SIZE", "1"))
    with hold_gpus(count_gpus_held(settings, processes), settings.wait_s):
        trainer = RefinerTrainer(spec, clips, settings.threads)
        if trainer.leads:
            write_record(folder, record)
        trainer.train(folder, make_reporter(spec.steps))
        scores = trainer.early_stop.scores
        steps = min(spec.steps, len(scores) * spec.evaluate_every)
        result = {"steps": steps, "held_out_psnr": round(max(scores), 3)}
        if trainer.leads:
            write_record(folder, record | result)
    return result
