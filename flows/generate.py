"""The generate flow: generates videos from prompts, conditioned on retrieved clips."""

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.runs.generations import read_generations
from data.settings import Settings
from data.shards.stages import Stage
from data.specs.pipeline import GenerateSpec
from data.workspace import open_workspace
from tasks.generate.requests import build_run, plan_requests
from tasks.generate.run import complete_run
from tasks.generate.spec import build_generate_spec
from tasks.outputs import resolve_output
from tasks.prompts import build_prompts, read_prompts
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE
from tasks.ui.artifacts import publish_failed_rows, publish_summary
from tasks.ui.assets import folder_key, publish_asset, stage_key, videos_key
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.live import show_progress
from tasks.ui.page_links import link_run
from tasks.ui.run_names import name_run
from tasks.ui.sheets import show_generated


@flow(
    name="generate",
    **HOOKS,
    flow_run_name=name_run("generate-{corpus}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def generate(
    corpus: str, prompts: str | list[str], spec: GenerateSpec | None = None
) -> dict[str, Any]:
    """Generates a video for every prompt and sample; finished ones are kept.

    Args:
        corpus: Name of an indexed corpus; without retrieval, of an ingested one.
        prompts: A text file, one prompt a line, or a table with columns txt, videoID and optionally
            image and where; or a list of prompts.
        spec: Model, shape and retrieval of the videos; what suits the bundled model if left out.
    """
    spec = spec or build_generate_spec()
    workspace = open_workspace(Settings())
    asked = build_prompts(prompts) if isinstance(prompts, list) else read_prompts(prompts)
    run = build_run(workspace, workspace.check_corpus(corpus), spec, asked)
    # By run, not by corpus: runs with other prompts or specs may generate side by side.
    with workspace.lock_store_folder(run.folder, f"generates {run.fingerprint}", wait_turn):
        shards = plan_requests(workspace, run)
        with show_progress("generate", corpus):
            summary = complete_run(workspace, run, shards)
    files = {key: resolve_output(summary[key]) for key in ("videos", "table")}
    publish_summary("generate", corpus, summary | files | link_run(workspace, run.folder))
    publish_failed_rows("generate", corpus, read_generations(workspace.store, run), "request_id")
    # Without new shards nothing changed, and an asset would show an event that did not happen.
    if shards:
        by_index = run.index is not None and spec.retrieve.by == "index"
        bank = Stage(corpus, "index", run.index[0]) if run.index and by_index else None
        source = stage_key(workspace, bank) if bank else videos_key(corpus)
        said = {"fingerprint": run.fingerprint, "videos": summary["done"]}
        size = workspace.store.size(run.folder)
        publish_asset(
            folder_key(run.folder), f"generated of {corpus}", [source], bytes=size, **said
        )
        show_generated(workspace, run)
    return finish_run(summary, {"generate": summary}, workspace.settings.failed_share)
