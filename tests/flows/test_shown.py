"""What a flow run's page shows: progress, figures, failures, pictures, logs; its assets."""

import base64
import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support import golden
from support.corpora import FAKE, FAKE_VIDEOS, PROMPTS
from support.generated import run_in
from support.refined import write_fakes
from support.running import asked
from support.toys import Toy, make_items

from data.errors import UserError
from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.specs.refine import PassMeasure, RefineSpec
from data.store.tables import HITS
from data.workspace import Workspace, open_workspace
from engines.report.mosaic import LABEL_WIDTH, MARGIN, WELL
from engines.runners.ray.runner import RayRunner
from flows.embed import embed
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.refine import refine
from tasks.ui.artifacts import format_label
from tasks.ui.sheets import show_generated, show_hits

pytestmark = pytest.mark.usefixtures("prefect_backend")


def shown(key: str):
    from prefect.artifacts import Artifact

    return Artifact.get(key=key)


def figures(key: str) -> dict[str, str]:
    """The rows of a table of figures."""
    rows = [line.split(" | ") for line in shown(key).data.splitlines() if line.startswith("| ")]
    return {row[0].removeprefix("| "): row[1].removesuffix(" |") for row in rows if len(row) == 2}


def failed(key: str) -> dict[str, dict]:
    """The rows of a table of failures, by reason."""
    return {row["reason"]: row for row in json.loads(shown(key).data)}


def until(look: Callable[[], Any], within_s: float = 60) -> Any:
    """What is found once there is something; the server writes what it is told now and then."""
    due = time.monotonic() + within_s
    while not (found := look()) and time.monotonic() < due:
        time.sleep(0.2)
    return found


def api() -> str:
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value()


def made_of(corpus: str) -> dict[str, dict]:
    """The events of what a corpus's runs made, by the asset's key."""
    chosen = {"event": {"prefix": ["prefect.asset.materialization.succeeded"]}}
    events = asked(f"{api()}/events/filter", {"filter": chosen, "limit": 50})["events"]
    return {
        key: event
        for event in events
        if corpus in (key := event["resource"]["prefect.resource.id"])
        or event["resource"]["prefect.resource.name"].endswith(f" {corpus}")
    }


def told_of(event: str, resource: str) -> list[dict]:
    """The events of a name about a resource."""
    chosen = {"event": {"name": [event]}, "resource": {"id": [resource]}}
    return asked(f"{api()}/events/filter", {"filter": chosen})["events"]


def upstream(event: dict) -> list[str]:
    return [
        each["prefect.resource.id"]
        for each in event["related"]
        if each["prefect.resource.role"] == "asset"
    ]


def test_progress_failures_coverage_and_cost_are_on_the_page_of_the_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELFLOW_PRICE_PER_GPU_HOUR", "3600")
    monkeypatch.setenv("REELFLOW_GPUS", "0")
    ingest("fake://8?undecodable=2&empty=1", "shown")
    made = embed("shown", FAKE)
    progress = shown("embed-progress-shown")
    assert progress.data == 100.0
    assert "/s · 8/8 · 3 failed" in progress.description
    failures = failed("embed-failures-table-shown")
    assert {reason: row["videos"] for reason, row in failures.items()} == {
        "undecodable": 2,
        "empty": 1,
    }
    assert "fake-" in failures["empty"]["examples"]
    said = figures("embed-shown")
    assert said["coverage before"] == "0.0% of 8"
    assert said["coverage after"] == "62.5% of 8"
    assert said["failed"] == "2 undecodable, 1 empty"
    assert made["cost"] == pytest.approx(made["worker_hours"] * 3600)
    assert made["cost"] >= made["seconds"]  # of one worker, with what it took to load
    assert {"worker-hours", format_label("cost"), "bottleneck"} <= said.keys()
    card = shown("embed-shown").description
    assert card.startswith("5 done, 3 failed · 62.5% of 8 covered · ")
    assert f" · cost {made['cost']:,.2f} · {made['bottleneck']}" in card
    event = until(lambda: told_of("reelflow.many-failures", "reelflow.corpus.shown"))[0]
    assert (event["payload"]["stage"], event["payload"]["share"]) == ("embed", 3 / 8)
    assert event["payload"]["reasons"] == {"undecodable": 2, "empty": 1}


def test_the_figures_of_passes_are_a_table(workspace: Workspace, tmp_path: Path) -> None:
    only = PassMeasure(metrics=("temporal_consistency",), replicates=20)
    made = refine(write_fakes(tmp_path, 0, 3), RefineSpec(iterations=(1, 2)), None, only)
    rows = json.loads(shown(f"refine-table-{made['refinement']}").data)
    assert {row["pass"] for row in rows} == {0, 1, 2}
    assert {"psnr_start", "flicker", "temporal_consistency"} <= {row["name"] for row in rows}


def test_what_ingest_refused_is_a_table_with_examples(workspace: Workspace) -> None:
    ingest("fake://5?missing=2", "refused")
    [(reason, row)] = failed("ingest-failures-table-refused").items()
    assert (reason, row["videos"]) == ("missing", 2)
    assert row["examples"].count("fake-") == 2 and shown("ingest-refused").description


def test_a_clean_run_has_no_table_of_failures_and_one_without_work_no_progress(
    workspace: Workspace,
) -> None:
    ingest("fake://2", "clean")
    embed("clean", FAKE)
    assert shown("embed-failures-table-clean") is None
    ingest("fake://1?missing=1", "idle")
    embed("idle", FAKE)
    assert shown("embed-progress-idle") is None and shown("embed-idle") is not None
    assert "reelflow://corpora/idle/embed" not in made_of("idle")


def test_a_pipelines_page_tells_its_stages_and_what_they_made_is_told_of_as_assets(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tasks")
    given = {"embed_spec": FAKE, "generate_spec": FAKE_VIDEOS}
    given["measure"] = EvaluateSpec(num_frames=FAKE_VIDEOS.frames)
    prompts = workspace.store.local_path("prompts.txt")
    prompts.parent.mkdir(parents=True, exist_ok=True)
    prompts.write_text("\n".join([*PROMPTS, "word " * 80]))
    made = pipeline("told", "fake://9?undecodable=1", **given | {"prompts": str(prompts)})
    told = [line.split(" | ") for line in shown("pipeline-told").data.splitlines()]
    rows = {row[0].removeprefix("| "): row for row in told if len(row) > 5}
    assert list(rows) == ["stage", "---", *made, "**total**"]
    assert (rows["embed"][2], rows["embed"][3]) == ("8", "1")
    assert rows["index"][-1].startswith("v0001 of 8 videos, ")
    assert str(made["report"]["page"]) in shown("pipeline-told").data
    story = [r.getMessage() for r in caplog.records if r.name == "tasks.ui.pipeline_summary"]
    assert [line.split(":")[0] for line in story] == list(made)
    assert story[1].startswith("embed: 8 done, 1 failed in ")
    pooled = [r.getMessage() for r in caplog.records if r.getMessage().startswith("pool shard")]
    assert [line.split(" in ")[0] for line in pooled] == ["pool shard 000000: 8 done, 0 failed"]

    [evaluated] = made["evaluate"]["methods"]
    assert (evaluated["videos"], evaluated["means"][0]["n"]) == (4, 3)
    refused = failed("generate-failures-table-told")["too_long"]
    assert refused["videos"] == 1 and refused["examples"].endswith(": 80 tokens, 77 at most")
    unmeasured = failed(f"evaluate-failures-table-{made['evaluate']['evaluation']}")
    assert [row["videos"] for row in unmeasured.values()] == [1]

    run = f"reelflow://generations/{made['generate']['run']}"
    chain = {"videos": None, "embed": "videos", "pool": "embed", "index": "pool"}
    events = until(lambda: len(found := made_of("told")) == 5 and found)
    assert {key: upstream(event) for key, event in events.items()} == {
        **{f"reelflow://corpora/told/{kind}": [f"reelflow://corpora/told/{source}"] * bool(source)
           for kind, source in chain.items()},
        run: ["reelflow://corpora/told/index"],
    }  # fmt: skip
    about = events["reelflow://corpora/told/embed"]["payload"]
    assert (about["fingerprint"], about["videos"]) == (made["embed"]["fingerprint"], 8)
    assert about["bytes"] > 0


def test_a_stage_that_fails_is_in_the_pipelines_table(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="undecodable"):
        pipeline("broken", "fake://1?undecodable=1", embed_spec=FAKE)
    assert "| embed | " in (said := shown("pipeline-broken").data)
    assert "**failed**" in said and "| ingest | " in said


@pytest.fixture
def pictured(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A place whose runs leave pictures of three videos at most, however long they take."""
    monkeypatch.setenv("REELFLOW_PICTURED", "3")
    monkeypatch.setattr("tasks.ui.sheets.WITHIN_S", 100.0)
    return open_workspace(Settings())


def sheet(kind: str) -> np.ndarray:
    """The pixels of a contact sheet, as the page shows it."""
    artifact = shown(kind)
    assert artifact.type == "markdown" and len(artifact.data) < 200_000
    head, _, coded = artifact.data.removesuffix(")").rpartition(",")
    assert head.startswith("![") and head.endswith("](data:image/jpeg;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(coded)))).astype(int)


def filled(picture: np.ndarray, row: int, workspace: int, wide: int = 172) -> bool:
    """Whether there is a frame at a place of a sheet."""
    left, top = MARGIN + LABEL_WIDTH + workspace * (wide + 6), MARGIN + row * (96 + 6)
    return bool((abs(picture[top : top + 96, left : left + wide] - WELL) > 20).any())


def test_newest_videos_found_clips_and_made_videos_are_pictured(
    pictured: Workspace, clips: Path
) -> None:
    from prefect import flow

    golden.html(clips / "zz-broken.mp4")
    ingest(str(clips), "seen")
    videos = sheet("ingest-sheet-seen")
    assert all(filled(videos, 0, workspace) for workspace in range(3))

    hit = {"prompt_id": "a", "prompt": "a wave", "score": 0.5, "caption": None}
    files = [clips / "clip-0.mp4", clips / "zz-broken.mp4"]
    rows = [hit | {"rank": n, "video_id": f.name, "uri": str(f)} for n, f in enumerate(files, 1)]
    hits = clips / "hits.parquet"
    pq.write_table(pa.Table.from_pylist(rows, HITS), hits)
    run = run_in(pictured.store, ["a", "b"], files[:1], corpus="seen")

    @flow
    def both() -> None:
        show_hits(pictured, "seen", str(hits))
        show_generated(pictured, run)

    both()
    found, made = sheet("retrieve-sheet-seen"), sheet("generate-sheet-seen")
    assert [filled(found, 0, workspace) for workspace in range(2)] == [True, False]
    assert filled(made, 1, 0, wide=96)


def test_what_cannot_be_pictured_fails_no_run(pictured: Workspace) -> None:
    ingest("fake://2", "unseen")
    assert shown("ingest-sheet-unseen") is None

    from prefect import flow

    @flow
    def alone() -> None:
        show_hits(pictured, "unseen", str(pictured.store.local_path("no.parquet")))

    alone()


@contextmanager
def forwarded() -> Iterator[None]:
    """Our loggers' lines go to the run's page, as `PREFECT_LOGGING_EXTRA_LOGGERS` has it."""
    from prefect.logging.handlers import APILogHandler

    handler, engines = APILogHandler(), logging.getLogger("engines")
    before = engines.level
    engines.addHandler(handler)
    engines.setLevel(logging.INFO)
    try:
        yield
    finally:
        engines.removeHandler(handler)
        engines.setLevel(before)


@pytest.mark.ray
def test_a_warning_of_a_ray_worker_is_in_the_log_of_the_task_that_it_works_for(
    ray_cluster: str,
) -> None:
    from prefect import flow, task
    from prefect.context import TaskRunContext

    @task
    def shard() -> str:
        runner = RayRunner(1)
        try:
            list(runner.map(Toy, make_items(3, i1="warn"), 3))
        finally:
            runner.close()
        return str(TaskRunContext.get().task_run.id)

    @flow
    def on_ray() -> str:
        return shard()

    with forwarded():
        run = on_ray()
    chosen = {"logs": {"task_run_id": {"any_": [run]}}}
    logs = until(lambda: asked(f"{api()}/logs/filter", chosen))
    assert [log["message"].split(": ")[-1] for log in logs] == ["i1 has no sound"]
    assert logs[0]["level"] == logging.WARNING and logs[0]["message"].startswith("worker ")
