"""The motion-features flow: describes how clips move, for generation by MotionRAG."""

from functools import partial
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.catalog.failures import Failures
from data.settings import Settings
from data.shards.stages import MOTION_FEATURES
from data.specs.motion import MotionFeaturesSpec
from data.workspace import open_workspace
from tasks.clip_stage import publish_clip_stage, run_clip_stage
from tasks.motion.stage import choose_feature_spec, register_features
from tasks.motion.writer import FeatureRun
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(
    name="motion-features",
    **HOOKS,
    flow_run_name=name_run("motion-features-{corpus}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def motion_features(
    corpus: str, spec: MotionFeaturesSpec | None = None, retry: Failures | None = None
) -> dict[str, Any]:
    """Describes how the clips of a corpus move, once; generation then decodes none of them again.

    Args:
        corpus: Name of an ingested corpus.
        spec: The release that describes motion and the window of each clip; as before if left out.
        retry: Failures to try again; none if left out.
    """
    workspace = open_workspace(Settings())
    with workspace.lock_stage(workspace.check_corpus(corpus), MOTION_FEATURES, wait_turn):
        spec = choose_feature_spec(workspace, corpus, spec)
        stage = register_features(workspace, corpus, spec)
        summary = run_clip_stage(
            workspace, stage, partial(FeatureRun, workspace, stage, spec), retry
        )
    figures = publish_clip_stage(workspace, stage, summary)
    return finish_run(figures, {MOTION_FEATURES: figures}, workspace.settings.failed_share)
