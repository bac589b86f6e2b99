"""The train-controller flow: trains a RAGME controller for a frozen base on a corpus."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.specs.train import TrainSpec
from data.workspace import open_workspace
from tasks.service.turns import wait_turn
from tasks.train.controller import build_train_spec, run_training
from tasks.train.prepare import prepare_training_set
from tasks.ui.artifacts import publish_summary
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="train-controller", flow_run_name=name_run("train-controller-{corpus}"), **HOOKS)
def train_controller(corpus: str, out: str, spec: TrainSpec | None = None) -> dict[str, Any]:
    """Trains a controller, or resumes an interrupted training.

    On several GPUs: `accelerate launch -m flows.cli.main train-controller …`.

    Args:
        corpus: Name of an indexed corpus.
        out: Folder to train in; at the end it holds the controller in its published layout.
        spec: Base, architecture, training set and schedule; those of the bundled base if left out.
    """
    spec = spec or build_train_spec("ragme", {})
    workspace = open_workspace(Settings())
    with workspace.lock_stage(workspace.check_corpus(corpus), "controllers", wait_turn):
        stage = prepare_training_set(workspace, corpus, spec)
    # Not under the corpus's lock: training only reads the set that is prepared by now.
    summary = run_training(workspace, stage, spec, out)
    publish_summary("train-controller", corpus, summary)
    return summary
