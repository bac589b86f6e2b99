"""The fvd flow: Fréchet and kernel distances between generated and real videos."""

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.settings import Settings
from data.specs.distance import DistanceSpec
from data.workspace import open_workspace
from tasks.evaluate.clip_sets import choose_clips, list_videos
from tasks.evaluate.features import Features, make_features
from tasks.evaluate.fvd import measure_distance, pin_spec
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE
from tasks.ui.artifacts import publish_summary
from tasks.ui.hooks import HOOKS
from tasks.workers import count_workers, to_probe_settings


@flow(
    name="fvd",
    **HOOKS,
    flow_run_name="fvd",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def fvd(generated: str, real: str, spec: DistanceSpec | None = None) -> dict[str, Any]:
    """Computes the distance between two sets of clips; features that exist are reused.

    Args:
        generated: A generation run, a corpus, or a folder, glob or table of videos.
        real: The same, of the real videos to compare with.
        spec: Feature extractor, clips and resizing; the usual if left out.
    """
    workspace, sources = open_workspace(Settings()), {"real": real, "generated": generated}
    # Both first: a mistyped folder must not come out after the other one's videos were probed.
    listed = {side: list_videos(workspace, source) for side, source in sources.items()}
    spec = pin_spec(spec or DistanceSpec())
    # Looking for clips only probes files, which needs no GPU and no Ray of its own.
    looking = to_probe_settings(workspace.settings)
    with open_runner(looking, count_workers(looking)) as runner:
        # Both sides draw with the same seed, each from videos of its own.
        sets = [
            choose_clips(workspace, runner, source, spec, side, listed[side])
            for side, source in sources.items()
        ]
    features = Features(workspace, spec.clip)
    activity = f"makes features {features.fingerprint}"
    # Distances over the same extractor share this folder, whichever sets they compare.
    with workspace.lock_store_folder(features.folder, activity, wait_turn):
        make_features(features, (clip for each in sets for clip in each.clips))
        result = measure_distance(workspace, features, spec, *sets)
    publish_summary("fvd", result["distance"], result)
    return result
