"""Trains MotionRAG's networks on a corpus, and records what they were trained with."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.database import load_sql
from data.shards.stages import Stage
from data.specs.pipeline import fingerprint
from data.specs.train_motion import TrainAdapterSpec, TrainContextSpec
from data.stamps import hash_json
from data.workspace import Workspace
from engines.embed.weights import digest_file
from engines.generate.motionrag.encoders import VIDEO, digest_encoder, find_encoder
from engines.generate.motionrag.release import (
    CONTEXT,
    MOTION,
    find_checkpoint,
    list_checkpoints,
    release_folder,
)
from engines.generate.pipelines.folder import pipeline_digest, pipeline_folder
from engines.train.motion_adapter import AdapterExamples, AdapterTrainer
from engines.train.motion_context import ContextTrainer
from tasks.motion.stage import require_features
from tasks.service.gpu_limit import hold_gpus, is_main_process
from tasks.service.turns import wait_turn
from tasks.train.clips import open_clips
from tasks.train.motion_examples import find_examples, require_patches_by
from tasks.train.records import make_reporter, read_finished, write_record
from tasks.workers import count_gpus_held

VERSION = "1"

Record = dict[str, Any]


@task(name="train-motion-adapter", cache_policy=NO_CACHE, persist_result=False)
def run_adapter_training(
    workspace: Workspace, stage: Stage, spec: TrainAdapterSpec, out: str
) -> Record:
    """Trains adapters in the folder `out`, or resumes there; a summary of the training."""
    frames, videos = open_clips(workspace, stage)
    captions = [text or "" for text in _read_captions(workspace, stage, videos["id"].to_pylist())]
    examples = AdapterExamples(frames, captions, spec)
    release = release_folder(spec.controller) if spec.controller else None
    inputs = {
        "clips": stage.fingerprint, "captions": hash_json(captions),
        "base": pipeline_digest(pipeline_folder(spec.base)),
        "start": _digest_release(release) if release else "",
        "video_encoder": digest_encoder(find_encoder(VIDEO, spec.video_encoder, release)),
    }  # fmt: skip
    record = _build_record(stage, spec, inputs) | {
        "videos": len(videos), "trained_on": len(examples.rows), "left_out": frames.left_out(),
    }  # fmt: skip
    return _train(
        workspace, out, record, spec.steps,
        lambda: AdapterTrainer(spec, examples, workspace.settings.threads), MOTION,
    )  # fmt: skip


@task(name="train-motion-context", cache_policy=NO_CACHE, persist_result=False)
def run_context_training(
    workspace: Workspace, corpus: str, spec: TrainContextSpec, out: str
) -> Record:
    """Trains the context transformer in the folder `out`, or resumes there; a summary."""
    stage = require_features(workspace, corpus)
    require_patches_by(workspace, stage, spec.controller)
    examples = find_examples(workspace, stage, spec)
    inputs = {
        "features": stage.fingerprint,
        "start": _digest_release(release_folder(spec.controller)),
        # A corpus grows: other clips, or other references, are another training.
        "clips": hash_json([examples.contents, examples.references]),
    }
    record = _build_record(stage, spec, inputs) | {
        "videos": len(examples.contents), "trained_on": len(examples.targets),
        "references": sum(map(len, examples.references)) / max(1, len(examples.targets)),
    }  # fmt: skip
    return _train(
        workspace, out, record, spec.steps,
        lambda: ContextTrainer(spec, examples, workspace.settings.threads), CONTEXT,
    )  # fmt: skip


def _build_record(
    stage: Stage, spec: TrainAdapterSpec | TrainContextSpec, inputs: dict[str, str]
) -> Record:
    """What a training is known by: its spec, and digests of what it learns from, by name."""
    # Paths differ between machines: the digests say what lay there.
    paths = {"base", "controller", VIDEO}
    return {
        "fingerprint": fingerprint(spec, VERSION, *inputs.values()), "corpus": stage.corpus,
        "spec": spec.model_dump(mode="json", exclude=paths), "inputs": inputs,
    }  # fmt: skip


def _train(
    workspace: Workspace, out: str, record: Record, steps: int, build: Callable[[], Any],
    result: str,
) -> Record:  # fmt: skip
    """Trains where the folder does not hold this training finished; the record, with its folder."""
    folder, settings = Path(out), workspace.settings

    def is_made(existing: Record, steps: int) -> bool:
        return existing.get("steps") == steps and find_checkpoint(folder, result) is not None

    lock = workspace.lock_local_folder(str(folder.absolute()), wait_turn)
    with lock if is_main_process() else nullcontext():
        if read_finished(folder, record, is_made) is None:
            processes = int(os.environ.get("WORLD_SIZE", "1"))
            with hold_gpus(count_gpus_held(settings, processes), settings.wait_s):
                trainer = build()
                if trainer.leads:
                    write_record(folder, record)
                trainer.train(folder, make_reporter(steps))
                if trainer.leads:
                    write_record(folder, record | {"steps": steps})
    shown = {key: record[key] for key in ("videos", "trained_on")}
    return {"release": str(folder.absolute()), "steps": steps} | shown


def _digest_release(folder: Path) -> str:
    files = list_checkpoints(folder)
    return "+".join(digest_file(str(file))[:12] for file in files)


def _read_captions(workspace: Workspace, stage: Stage, ids: list[str]) -> list[str | None]:
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        rows = catalog.query_rows(load_sql("shown_videos"), corpus=stage.corpus, ids=ids)
    captions = {row["id"]: row["caption"] for row in rows}
    return [captions.get(id) for id in ids]
