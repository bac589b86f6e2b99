"""Training a controller on footage that is ready; what it was trained with is written down."""

import json
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.shards.stages import Stage, recorded
from data.specs.pipeline import fingerprint
from data.specs.train import CONTROLLERS, TrainSpec
from data.workspace import Workspace
from engines.generate.pipelines.digest import PARTS, base_digest, base_folder
from engines.generate.ragme import checkpoint
from engines.train.controller import Teaching
from engines.train.dataset import Examples, Footage
from tasks.gpus import gpus_held, leads
from tasks.progress import Progress, clock, say, tell
from tasks.train.prepare import opened
from tasks.workers import gpus_of

VERSION = "1"
RECORD = "training.json"

# What suits the bundled base, where nothing else is asked for.
BUNDLED: dict[str, Any] = {
    "lesson": {"width": 64, "height": 64, "fps": 4.0, "most": 32},
    "architecture": {"layers": 1, "norm": "layer"},
    "frames": 8, "token_every": 1, "rate": 1e-3, "steps": 3000,
}  # fmt: skip


def train_spec(kind: str, asked: dict[str, Any]) -> TrainSpec:
    """The spec of a kind of controller: what is left out suits the base; a UserError for no kind.

    `asked` are fields of a `TrainSpec`, those of its parts being dicts.
    """
    if kind not in CONTROLLERS:
        raise UserError(f"no kind of controller {kind!r}: there are {', '.join(CONTROLLERS)}")
    whole: dict[str, Any] = {"architecture": CONTROLLERS[kind].model_dump()}
    for said in (BUNDLED if asked.get("base") is None else {}, asked):
        for key, value in said.items():
            whole[key] = whole.get(key, {}) | value if isinstance(value, dict) else value
    return TrainSpec.model_validate(whole)


@task(name="teach-controller", cache_policy=NO_CACHE, persist_result=False)
def teach(workspace: Workspace, stage: Stage, spec: TrainSpec, out: str) -> dict[str, Any]:
    """Trains in the folder `out`, or goes on there; a UserError where it is of another training."""
    folder, footage = Path(out), opened(workspace, stage)
    record = _record(workspace, stage, spec, footage)
    with workspace.only_folder(str(folder.absolute()), say) if leads() else nullcontext():
        if not _through(folder, record):
            _train(workspace, spec, footage, folder, record)
    return {
        "controller": out, "steps": spec.steps, "videos": record["videos"],
        "targets": record["targets"], "neighbours": record["neighbours"],
        "left_out": record["left_out"],
    }  # fmt: skip


def _train(
    workspace: Workspace, spec: TrainSpec, footage: Footage, folder: Path, record: dict[str, Any]
) -> None:
    settings, team = workspace.settings, int(os.environ.get("WORLD_SIZE", "1"))
    with gpus_held(gpus_of(settings, team), settings.wait_s):
        examples = Examples(footage, spec)
        lessons = Teaching(base_folder(spec.base), spec, examples, settings.threads)
        if lessons.leads:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        lessons.train(folder, _teller(spec.steps))


def _record(
    workspace: Workspace, stage: Stage, spec: TrainSpec, footage: Footage
) -> dict[str, Any]:
    """What the controller is trained with: enough to do it again."""
    prepared, found = recorded(workspace.store, stage), footage.neighbours >= 0
    base = base_digest(base_folder(spec.base), *PARTS)
    return {
        "fingerprint": fingerprint(spec, VERSION, base, stage.fingerprint),
        "corpus": stage.corpus,
        "footage": stage.fingerprint,
        "index": dict(zip(("vae", "fingerprint", "version"), prepared["inputs"], strict=True)),
        "base": base,
        "spec": spec.model_dump(exclude={"base"}),
        "videos": len(footage.neighbours),
        "targets": int((footage.latents.counts >= spec.frames).sum()),
        "neighbours": round(float(found.sum(axis=1).mean()), 2),
        "left_out": footage.latents.left_out(),
    }


def _through(folder: Path, record: dict[str, Any]) -> bool:
    """Whether this very training is through; a UserError where the folder is of another."""
    if not (folder / RECORD).exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder} holds something else: name a new folder with --out")
        return False
    theirs = json.loads((folder / RECORD).read_text())
    if theirs["fingerprint"] != record["fingerprint"]:
        raise UserError(
            f"{folder} holds a controller of another training: name another folder with --out,"
            " or delete it"
        )
    return (folder / "checkpoints" / str(record["spec"]["steps"]) / checkpoint.FILE).exists()


def _teller(steps: int) -> Callable[[int, float], None]:
    """Says now and then how far training is, and how fast it went since."""
    progress, before = Progress("train", steps), list[float]()

    def told(step: int, loss: float) -> None:
        now = time.monotonic()
        speed = ""
        if before:
            rate = (step - before[0]) / (now - before[1])
            speed = f" · {rate:.2f} steps/s · {clock((steps - step) / rate)} left"
        before[:] = step, now
        progress.note = f"train step {step:,}/{steps:,} · loss {loss:.4f}{speed}"
        tell(progress)

    return told
