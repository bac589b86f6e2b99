"""The annotate flow: finds what is said, written and shown in videos, and when."""

from functools import partial
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.catalog import merge
from data.catalog.failures import Failures
from data.settings import Settings
from data.shards.stages import Stage, make_current
from data.specs.annotate import (
    AnnotateSpec,
    CaptionsSpec,
    FakeTextSpec,
    ObjectsSpec,
    ScreenSpec,
    SpeechSpec,
)
from data.specs.encode import EncodeSpec
from data.workspace import Workspace, open_workspace
from tasks.annotate.chance import measure_chance
from tasks.annotate.encode import encode_texts, find_encoder
from tasks.annotate.stage import choose_spec, register_annotate, stage_kind
from tasks.annotate.summary import AnnotateSummary
from tasks.annotate.writer import AnnotateRun
from tasks.plan import count_planned, plan_videos
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE, run_shards
from tasks.ui.artifacts import publish_failures, publish_summary
from tasks.ui.assets import publish_stage, videos_key
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.live import show_progress
from tasks.ui.run_names import name_run
from tasks.workers import count_workers

DEFAULT = ("speech", "screen")  # those whose models are packages


@flow(
    name="annotate",
    **HOOKS,
    flow_run_name=name_run("annotate-{corpus}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def annotate(
    corpus: str,
    kinds: list[str] | None = None,
    speech: SpeechSpec | None = None,
    screen: ScreenSpec | None = None,
    objects: ObjectsSpec | None = None,
    captions: CaptionsSpec | None = None,
    fake: FakeTextSpec | None = None,
    encode: EncodeSpec | None = None,
    retry: Failures | None = None,
) -> dict[str, Any]:
    """Finds the texts of videos that were not looked through yet, one kind of text after another.

    Args:
        corpus: Name of an ingested corpus.
        kinds: Which texts to find: speech, screen, objects, captions; fake for a rehearsal.
            Speech and screen if left out.
        speech: How speech is written down; as before if left out.
        screen: How text in the picture is read; as before if left out.
        objects: Which objects are found by which detector; as before if left out.
        captions: Which model describes the videos, and how; as before if left out.
        fake: How often the rehearsal has a text; as before if left out.
        encode: How texts become vectors, to be searched by meaning; as before if left out.
        retry: Failures to try again; none if left out.
    """
    workspace = open_workspace(Settings())
    workspace.check_corpus(corpus)
    given = {
        "speech": speech, "screen": screen, "objects": objects, "captions": captions, "fake": fake,
    }  # fmt: skip
    wanted = list(dict.fromkeys(kinds or DEFAULT))
    specs = [given.get(kind) or choose_spec(workspace, corpus, kind) for kind in wanted]
    # All models are looked for before the first one works for hours.
    for spec in specs:
        find_encoder(workspace, corpus, spec.kind, encode)
    stages = [register_annotate(workspace, corpus, spec) for spec in specs]
    summaries = {
        spec.kind: annotate_stage(workspace, stage, spec, encode, retry)
        for stage, spec in zip(stages, specs, strict=True)
    }
    return finish_run(summaries, summaries, workspace.settings.failed_share)


def annotate_stage(
    workspace: Workspace, stage: Stage, spec: AnnotateSpec, encode: EncodeSpec | None,
    retry: Failures | None,
) -> dict[str, Any]:  # fmt: skip
    """Runs one annotator over what it has not looked through, and encodes its texts; figures."""
    with workspace.lock_stage(stage.corpus, stage_kind(spec.kind), wait_turn):
        shards = plan_videos(workspace, stage, retry)
        summary = AnnotateSummary(workspace, stage)
        if shards:  # else no worker is started, and no model loaded
            _annotate_shards(workspace, stage, spec, shards, summary)
        summary.require_any()
        make_current(workspace.store, stage)
        encode_texts(workspace, stage, encode)
    figures = summary.to_dict() | {"chance_cosine": measure_chance(workspace, stage)}
    publish_summary(stage.kind, stage.corpus, figures)
    publish_failures(workspace, stage)
    if summary.done:
        publish_stage(workspace, stage, videos_key(stage.corpus), videos=summary.done)
    return figures


def _annotate_shards(
    workspace: Workspace, stage: Stage, spec: AnnotateSpec, shards: list[str],
    summary: AnnotateSummary,
) -> None:  # fmt: skip
    settings = workspace.settings
    with open_runner(settings, count_workers(settings)) as runner:
        with show_progress(stage.kind, stage.corpus):
            run = AnnotateRun(workspace, stage, spec, runner)
            run.progress = Progress(stage.kind, *count_planned(workspace, stage, shards))
            run_shards(run, shards, summary.add, partial(_merge_stage, workspace, stage))
            summary.hours = run.progress.hours


def _merge_stage(workspace: Workspace, stage: Stage) -> None:
    with workspace.open_catalog() as catalog:
        store = workspace.store
        merge.sync_stage(catalog, store, stage.corpus, stage.kind, stage.fingerprint)
