"""The train-controller flow: a corpus and a frozen base become a RAGME controller."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.specs.train import TrainSpec
from data.workspace import open_workspace
from tasks.progress import say
from tasks.train.controller import teach
from tasks.train.prepare import prepare
from tasks.ui.artifacts import publish


@flow(name="train-controller", flow_run_name="train-controller-{corpus}")
def train_controller(corpus: str, out: str, spec: TrainSpec = TrainSpec()) -> dict[str, Any]:
    """Trains a controller, or goes on where a run that was stopped left off.

    On several GPUs: `accelerate launch -m flows.cli.main train-controller …`.

    Args:
        corpus: a corpus that was indexed
        out: the folder to train in; in the end it holds a controller as they are released
        spec: the base, the controller's architecture, what it is shown and for how long
    """
    workspace = open_workspace(Settings())
    with workspace.only_run(workspace.known(corpus), "controllers", say):
        stage = prepare(workspace, corpus, spec)
    summary = teach(workspace, stage, spec, out)
    publish("train-controller", corpus, summary)
    return summary
