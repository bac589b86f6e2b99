"""The train-refiner flow: trains a refiner on a corpus's clips, corrupted at random."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.specs.train_refiner import TrainRefinerSpec
from data.workspace import open_workspace
from tasks.service.turns import wait_turn
from tasks.train.clips import KIND, prepare_clips
from tasks.train.refiner import run_refiner_training
from tasks.ui.artifacts import publish_summary
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="train-refiner", flow_run_name=name_run("train-refiner-{corpus}"), **HOOKS)
def train_refiner(corpus: str, out: str, spec: TrainRefinerSpec | None = None) -> dict[str, Any]:
    """Trains a refiner, or resumes an interrupted training.

    On several GPUs: `accelerate launch -m flows.cli.main train-refiner …`.

    Args:
        corpus: Name of a corpus; it needs to be ingested, and no more.
        out: Folder to train in; at the end it holds refiner.safetensors.
        spec: Network, clips, corruption and schedule; a U-Net's if left out.
    """
    spec = spec or TrainRefinerSpec()
    workspace = open_workspace(Settings())
    with workspace.lock_stage(workspace.check_corpus(corpus), KIND, wait_turn):
        stage = prepare_clips(workspace, corpus, spec)
    # Not under the corpus's lock: training only reads the clips that are prepared by now.
    summary = run_refiner_training(workspace, stage, spec, out)
    publish_summary("train-refiner", corpus, summary)
    return summary
