"""Trains a controller on a prepared training set, and records what it was trained with."""

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
from engines.train.controller import ControllerTrainer
from engines.train.dataset import Examples, TrainingSet
from tasks.service.gpu_limit import hold_gpus, is_main_process
from tasks.service.turns import wait_turn
from tasks.train.prepare import open_training_set
from tasks.train.records import make_reporter, read_finished, write_record
from tasks.workers import count_gpus_held

VERSION = "1"

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
        made = folder / "checkpoints"
        if not read_finished(
            folder, record, lambda _, steps: (made / str(steps) / checkpoint.FILE).exists()
        ):
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
            write_record(folder, record)
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
