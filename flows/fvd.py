"""The fvd flow: how far generated videos are from real ones, by the features of their clips."""

from functools import partial
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.runs.distances import ClipSet
from data.settings import Settings
from data.specs.distance import DistanceSpec
from data.workspace import open_workspace
from tasks.evaluate.clip_sets import choose
from tasks.evaluate.features import Features, features_shard_task, plan_features
from tasks.evaluate.fvd import asked, measure_distance
from tasks.progress import say
from tasks.shards import AT_ONCE, run_shards
from tasks.ui.artifacts import publish
from tasks.workers import embed_workers, open_runner, probing


@flow(
    name="fvd",
    flow_run_name="fvd",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def fvd(generated: str, real: str, spec: DistanceSpec = DistanceSpec()) -> dict[str, Any]:
    """Compares two sets of clips; features that were made before are not made again.

    Args:
        generated: a run of generation, a corpus, or a folder, glob or table of videos
        real: the same, of the videos that the generated ones are to be like
        spec: the extractor, which frames of which videos, and how they are resized
    """
    workspace, spec = open_workspace(Settings()), asked(spec)
    looking = probing(workspace.settings)
    with open_runner(looking, embed_workers(looking)) as runner:
        sets = [
            choose(workspace, runner, source, spec, side)
            for side, source in (("real", real), ("generated", generated))
        ]
    run = Features(workspace, spec.clip)
    with workspace.only_writer(run.folder, f"makes features {run.fingerprint}", say):
        _make(run, sets)
        result = measure_distance(workspace, run, spec, *sets)
    publish("fvd", result["distance"], result)
    return result


def _make(run: Features, sets: list[ClipSet]) -> None:
    """Makes the features of all clips that have none yet."""
    settings = run.workspace.settings
    workers = embed_workers(settings)
    if shards := plan_features(run, (clip for each in sets for clip in each.clips)):
        with open_runner(settings, workers) as runner:
            submit = partial(features_shard_task.submit, run, runner)
            run_shards(submit, shards, 2 * workers, lambda receipt: None, lambda: None)
