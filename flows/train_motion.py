"""The flows that train MotionRAG's networks: its adapters on a base, its context transformer."""

from typing import Any

from prefect import flow

from data.errors import UserError
from data.settings import Settings
from data.specs.train_motion import TrainAdapterSpec, TrainContextSpec
from data.workspace import open_workspace
from tasks.service.turns import wait_turn
from tasks.train.clips import KIND, prepare_clips
from tasks.train.motion import run_adapter_training, run_context_training
from tasks.ui.artifacts import publish_summary
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="train-motion-adapter", flow_run_name=name_run("train-adapter-{corpus}"), **HOOKS)
def train_motion_adapter(
    corpus: str, out: str, spec: TrainAdapterSpec | None = None
) -> dict[str, Any]:
    """Trains adapters and motion resampler on a frozen base, or resumes an interrupted training.

    Args:
        corpus: Name of an ingested corpus.
        out: Folder to train in; at the end it holds a release in its published layout.
        spec: Base, clips and schedule.
    """
    workspace, spec = open_workspace(Settings()), spec or TrainAdapterSpec()
    if not spec.base:
        raise UserError("adapters need a base: name an image-to-video folder with --base")
    with workspace.lock_stage(workspace.check_corpus(corpus), KIND, wait_turn):
        stage = prepare_clips(workspace, corpus, spec)
    # Not under the corpus's lock: training only reads the clips that are prepared by now.
    summary = run_adapter_training(workspace, stage, spec, out)
    publish_summary("train-motion-adapter", corpus, summary)
    return summary


@flow(name="train-motion-context", flow_run_name=name_run("train-context-{corpus}"), **HOOKS)
def train_motion_context(
    corpus: str, out: str, spec: TrainContextSpec | None = None
) -> dict[str, Any]:
    """Trains the context transformer on stored features, or resumes an interrupted training.

    Args:
        corpus: Name of a corpus with motion features and their patches.
        out: Folder to train in; at the end it holds a release in its published layout.
        spec: Release, retrieval and schedule.
    """
    workspace, spec = open_workspace(Settings()), spec or TrainContextSpec()
    if not spec.controller:
        raise UserError("the context transformer is part of a release: name one with --motion")
    # Under no lock: features are read shard by shard, and none is ever changed.
    summary = run_context_training(workspace, workspace.check_corpus(corpus), spec, out)
    publish_summary("train-motion-context", corpus, summary)
    return summary
