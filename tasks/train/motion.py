"""Trains MotionRAG's networks on a corpus, and records what they were trained with."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import iter_batches
from data.catalog.database import load_sql
from data.errors import UserError
from data.shards.lists import list_done
from data.shards.receipts import read_receipt
from data.shards.stages import Stage, read_spec_record
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
from engines.train.motion_context import ContextExamples, ContextTrainer
from tasks.motion.stage import locate_features, require_features
from tasks.retrieve.choose import open_retriever
from tasks.retrieve.own_videos import find_spans_beside
from tasks.retrieve.retriever import Retriever
from tasks.service.gpu_limit import hold_gpus, is_main_process
from tasks.service.turns import wait_turn
from tasks.train.clips import open_clips
from tasks.train.records import make_reporter, read_finished, write_record
from tasks.workers import count_gpus_held

VERSION = "1"
QUERIES = 256  # clips whose references are searched together

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
    _require_patches_by(workspace, stage, spec.controller)
    examples = _find_examples(workspace, stage, spec)
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


def _require_patches_by(workspace: Workspace, stage: Stage, release: str) -> None:
    """A UserError where features are of another release's motion resampler, or lack patches.

    Of any sizes that fit, the transformer would learn motions that the adapters do not know.
    """
    record = read_spec_record(workspace.store, stage)
    files = {file.stem: file for file in list_checkpoints(release_folder(release))}
    again = f"run `reelflow motion-features {stage.corpus} --motion {release} --patches`"
    if record["inputs"][0] != digest_file(str(files[MOTION])):
        raise UserError(
            f"the motion features of {stage.corpus} are of another release than {release}: {again}"
        )
    if not record["spec"].get("patches"):
        raise UserError(f"the motion features of {stage.corpus} have no patches: {again}")


def _digest_release(folder: Path) -> str:
    files = list_checkpoints(folder)
    return "+".join(digest_file(str(file))[:12] for file in files)


def _read_captions(workspace: Workspace, stage: Stage, ids: list[str]) -> list[str | None]:
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        rows = catalog.query_rows(load_sql("shown_videos"), corpus=stage.corpus, ids=ids)
    captions = {row["id"]: row["caption"] for row in rows}
    return [captions.get(id) for id in ids]


def _find_examples(workspace: Workspace, stage: Stage, spec: TrainContextSpec) -> ContextExamples:
    """The clips that have features, each with the clips that retrieval finds for it.

    Withdrawn clips are neither learned nor learned from.
    """
    retriever = open_retriever(workspace, stage.corpus, spec.retrieve.by)
    if not isinstance(retriever, Retriever):
        raise UserError("clips are retrieved by caption, index or motion for training")
    contents = _list_described(workspace, stage, retriever)
    number = {content: row for row, content in enumerate(contents.values())}
    references: list[list[int]] = [[] for _ in number]
    # A clip is its own query here, and never finds itself.
    plain = spec.retrieve.model_copy(update={"own": None})
    for some in iter_batches(contents, QUERIES):
        beside = find_spans_beside(workspace, stage.corpus, some)
        more = max(map(len, beside.values()), default=0)
        hits = retriever.search_videos(some, plain.model_copy(update={"k": plain.k + more}))
        found = workspace.find_contents(stage.corpus, list({hit.video_id for hit in hits}))
        for hit in hits:
            content = found.get(hit.video_id, "")
            kept = references[number[contents[hit.prompt_id]]]
            # What is cut from the same film, seconds later, is no example of another's motion.
            cut = content in beside.get(hit.prompt_id, ())
            if content in number and not cut and len(kept) < plain.k:
                kept.append(number[content])
    return ContextExamples(
        list(number), references, locate_features(workspace, stage, list(number))
    )


def _list_described(workspace: Workspace, stage: Stage, retriever: Retriever) -> dict[str, str]:
    """The contents, by id, that have features, may be shown, and are searched by the retriever."""
    described: dict[str, None] = {}
    for shard in list_done(workspace.store, stage.folder):
        rows = read_receipt(workspace.store, stage.folder, shard).done
        described |= dict.fromkeys(row["content"] for row in rows)
    known = set(retriever.contents.tolist())
    # By what videos are now: a file may have changed since it was described.
    shown = workspace.find_by_content(stage.corpus, [each for each in described if each in known])
    return {shown[content][0]: content for content in described if content in shown}
