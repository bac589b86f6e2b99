"""The caption-vectors flow: encodes captions, to retrieve clips by what their captions mean."""

from functools import partial
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.catalog.failures import Failures
from data.settings import Settings
from data.shards.stages import CAPTION_VECTORS
from data.specs.encode import CaptionSpec
from data.workspace import open_workspace
from tasks.captions.stage import choose_caption_spec, find_changed_captions, register_captions
from tasks.captions.writer import CaptionRun
from tasks.clip_stage import publish_clip_stage, run_clip_stage
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(
    name="caption-vectors",
    **HOOKS,
    flow_run_name=name_run("caption-vectors-{corpus}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def caption_vectors(
    corpus: str, spec: CaptionSpec | None = None, retry: Failures | None = None
) -> dict[str, Any]:
    """Encodes the captions of clips that have no vector yet, or another caption by now.

    Args:
        corpus: Name of an ingested corpus.
        spec: Column of the captions and their encoder; as before if left out.
        retry: Failures to try again; none if left out.
    """
    workspace = open_workspace(Settings())
    with workspace.lock_stage(workspace.check_corpus(corpus), CAPTION_VECTORS, wait_turn):
        spec = choose_caption_spec(workspace, corpus, spec)
        stage = register_captions(workspace, corpus, spec)
        open_run = partial(CaptionRun, workspace, stage, spec)
        outdated = find_changed_captions(spec)
        summary = run_clip_stage(workspace, stage, open_run, retry, outdated)
    figures = publish_clip_stage(workspace, stage, summary)
    return finish_run(figures, {CAPTION_VECTORS: figures}, workspace.settings.failed_share)
