"""The generate flow: prompts become videos that follow retrieved clips."""

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.runs.generations import generations
from data.settings import Settings
from data.shards.stages import Stage
from data.specs.pipeline import GenerateSpec
from data.workspace import open_workspace
from tasks.generate.requests import ask, plan_requests
from tasks.generate.run import complete
from tasks.generate.shard import generate_spec
from tasks.outputs import located
from tasks.progress import say
from tasks.prompts import of_texts, read_prompts
from tasks.shards import AT_ONCE
from tasks.ui.artifacts import publish, publish_refused
from tasks.ui.assets import folder_key, key_of, made, videos_of
from tasks.ui.live import watched
from tasks.ui.sheets import show_made


@flow(
    name="generate",
    flow_run_name="generate-{corpus}",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def generate(
    corpus: str, prompts: str | list[str], spec: GenerateSpec = generate_spec()
) -> dict[str, Any]:
    """Makes a video for every prompt and sample; what is made stays, however often it is run.

    Args:
        corpus: a corpus that was indexed; where no clips are retrieved, one that was ingested
        prompts: a text file, one prompt a line, or a table with columns txt and videoID, and where
            wanted image and where; or the prompts themselves
        spec: the models, the video's shape, and what is retrieved for it
    """
    workspace = open_workspace(Settings())
    asked = of_texts(prompts) if isinstance(prompts, list) else read_prompts(prompts)
    run = ask(workspace, workspace.known(corpus), spec, asked)
    with workspace.only_writer(run.folder, f"generates {run.fingerprint}", say):
        shards = plan_requests(workspace, run)
        with watched("generate", corpus):
            summary = complete(workspace, run, shards)
    files = {key: located(summary[key]) for key in ("videos", "table")}
    publish("generate", corpus, summary | files)
    publish_refused("generate", corpus, generations(workspace.store, run), "request_id")
    if shards:
        bank = Stage(corpus, "index", run.index[0]) if run.index else None
        source = key_of(workspace, bank) if bank else videos_of(corpus)
        said = {"fingerprint": run.fingerprint, "videos": summary["done"]}
        size = workspace.store.size(run.folder)
        made(folder_key(run.folder), f"generated of {corpus}", [source], bytes=size, **said)
        show_made(workspace, run)
    return summary
