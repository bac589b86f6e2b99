"""Trains a controller on a prepared training set, and records what it was trained with."""

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.shards.stages import Stage, read_spec_record
from data.specs.pipeline import fingerprint
from data.specs.train import CONTROLLERS, TrainSpec
from data.workspace import Workspace
from engines.bundled import is_bundled_base
from engines.generate.pipelines.digest import PARTS, base_digest, base_folder
from engines.generate.ragme import checkpoint
from engines.train.controller import RESUME, ControllerTrainer
from engines.train.dataset import Examples, TrainingSet
from tasks.service.gpu_limit import hold_gpus, is_main_process
from tasks.service.turns import wait_turn
from tasks.train.prepare import open_training_set
from tasks.train.records import list_changes, make_reporter
from tasks.workers import count_gpus_held

VERSION = "1"
RECORD = "training.json"

# Defaults that suit the bundled base, which is small.
BUNDLED: dict[str, Any] = {
    "lesson": {"width": 64, "height": 64, "fps": 4.0, "most": 32},
    "architecture": {"layers": 1, "norm": "layer"},
    "frames": 8, "token_every": 1, "rate": 1e-3, "steps": 3000,
}  # fmt: skip


def build_train_spec(kind: str, options: dict[str, Any]) -> TrainSpec:
    """The spec of a kind of controller with these options; the others have defaults for the base.

    `options` are fields of a `TrainSpec`, its parts as dicts. A UserError for an unknown kind.
    """
    if kind not in CONTROLLERS:
        raise UserError(
            f"unknown kind of controller {kind!r}: choose from {', '.join(CONTROLLERS)}"
        )
    fields: dict[str, Any] = {"architecture": CONTROLLERS[kind].model_dump()}
    for layer in (BUNDLED if is_bundled_base(options.get("base")) else {}, options):
        for key, value in layer.items():
            fields[key] = fields.get(key, {}) | value if isinstance(value, dict) else value
    return TrainSpec.model_validate(fields)


@task(name="teach-controller", cache_policy=NO_CACHE, persist_result=False)
def run_training(workspace: Workspace, stage: Stage, spec: TrainSpec, out: str) -> dict[str, Any]:
    """Trains a controller in the folder `out`, or resumes there; a summary of the training.

    A finished training goes on where more steps are asked for. A UserError where the folder holds
    anything but this training.
    """
    folder, training_set = Path(out), open_training_set(workspace, stage)
    record = _build_record(workspace, stage, spec, training_set)
    with (
        workspace.lock_local_folder(str(folder.absolute()), wait_turn)
        if is_main_process()
        else nullcontext()
    ):
        if not _is_finished(folder, record):
            _train_controller(workspace, spec, training_set, folder, record)
    return {
        "controller": str(folder.absolute()), "steps": spec.steps, "videos": record["videos"],
        "targets": record["targets"], "neighbours": record["neighbours"],
        "left_out": record["left_out"],
    }  # fmt: skip


def _train_controller(
    workspace: Workspace,
    spec: TrainSpec,
    training_set: TrainingSet,
    folder: Path,
    record: dict[str, Any],
) -> None:
    # Set by accelerate: this process and those launched with it, each on a GPU of its own.
    settings, processes = workspace.settings, int(os.environ.get("WORLD_SIZE", "1"))
    with hold_gpus(count_gpus_held(settings, processes), settings.wait_s):
        examples = Examples(training_set, spec)
        trainer = ControllerTrainer(base_folder(spec.base), spec, examples, settings.threads)
        if trainer.leads:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        trainer.train(folder, make_reporter(spec.steps))


def _build_record(
    workspace: Workspace, stage: Stage, spec: TrainSpec, training_set: TrainingSet
) -> dict[str, Any]:
    """Everything the controller is trained with: enough to repeat the training."""
    prepared = read_spec_record(workspace.store, stage)
    has_neighbour = training_set.neighbours >= 0  # -1 follows a video's last neighbour
    base = base_digest(base_folder(spec.base), *PARTS)
    return {
        "fingerprint": fingerprint(spec, VERSION, base, stage.fingerprint),
        "corpus": stage.corpus,
        "footage": stage.fingerprint,
        "index": dict(zip(("vae", "fingerprint", "version"), prepared["inputs"], strict=True)),
        "base": base,
        "spec": spec.model_dump(exclude={"base"}),
        "videos": len(training_set.neighbours),
        "targets": int((training_set.latents.counts >= spec.frames).sum()),
        "neighbours": round(float(has_neighbour.sum(axis=1).mean()), 2),
        "left_out": training_set.latents.left_out(),
    }


def _is_finished(folder: Path, record: dict[str, Any]) -> bool:
    """Whether the folder holds this training, finished; a UserError where it holds another one."""
    if not (folder / RECORD).exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder} has other files in it: name a new folder with --out")
        return False
    existing = json.loads((folder / RECORD).read_text())
    steps, before = record["spec"]["steps"], existing["spec"]["steps"]
    changed = list_changes(existing, record)
    if changed or (before == steps and existing["fingerprint"] != record["fingerprint"]):
        what = "; ".join(changed) or "another version of reelflow"
        raise UserError(f"{folder} holds another training ({what}): name another folder with --out")
    if before > steps:
        raise UserError(f"{folder} is trained for {before:,} steps: use --steps {before} or more")
    finished = [
        (folder / "checkpoints" / str(n) / checkpoint.FILE).exists() for n in (before, steps)
    ]
    if finished[0] and before < steps and not (folder / RESUME).exists():
        raise UserError(
            f"{folder} has no {RESUME}, which a training goes on from: name another folder with"
            f" --out, or use --steps {before}"
        )
    return finished[1]
