"""The commands that measure videos and list what was found."""

import json
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from data.specs.evaluate import EvaluateSpec
from flows.cli.console import live, out
from flows.cli.main import app
from flows.cli.options import AsJson, Root, Runner, Workers, given, open_store
from flows.cli.switches import (
    ClipBox,
    ClipDtype,
    Crop,
    FaceChannelOrder,
    FaceHead,
    FlowRegion,
    Remainder,
    SubjectScope,
    WorldSize,
)

Source = Annotated[
    str, typer.Argument(metavar="FOLDER|RUN", help="Of videos; or a run of generation.")
]
Layout = Annotated[
    Literal["folder", "official", "miniature"],
    typer.Option("--layout", help="official: sidecars lie beside the videos."),
]
Mode = Annotated[
    Literal["subject", "face"] | None, typer.Option("--mode", help="Of the benchmark.")
]
Metrics = Annotated[
    list[str] | None,
    typer.Option("--metrics", help="One or more, as a,b. [those published for the mode]"),
]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", help="Of a miniature, which to measure; else what it is called."),
]
NumFrames = Annotated[
    str | None, typer.Option("--num-frames", help="The first so many of each, or all. [16]")
]
Weights = Annotated[
    str | None, typer.Option("--weights", help="A folder of weights under their published names.")
]
Weight = Annotated[
    list[str] | None, typer.Option("--weight", metavar="MODEL=PATH", help="One of another name.")
]
Truth = Annotated[
    str | None, typer.Option("--truth", help="A folder of the benchmark's embeddings.")
]
Prompts = Annotated[
    str | None, typer.Option("--prompts", help="A table of what was asked for, by video.")
]
Benchmark = Annotated[str | None, typer.Option("--benchmark", help="msrvtt-personalization.")]
PerVideo = Annotated[
    str | None, typer.Option("--per-video", help="A Parquet file: a row a video and metric.")
]
ReferenceJson = Annotated[
    str | None, typer.Option("--reference-json", help="A file as the published evaluator writes.")
]

Clips = Annotated[
    str | None, typer.Option("--clips", help="Of the benchmark: tests the bank of a run for them.")
]


@app.command()
def evaluate(
    source: Source,
    benchmark: Benchmark = None, mode: Mode = None, metrics: Metrics = None,
    num_frames: NumFrames = None, layout: Layout = "folder", method: Methods = None,
    truth: Truth = None, prompts: Prompts = None, weights: Weights = None, weight: Weight = None,
    per_video: PerVideo = None, reference_json: ReferenceJson = None,
    remainder: Remainder = None, world_size: WorldSize = None, face_head: FaceHead = None,
    face_channel_order: FaceChannelOrder = None, subject_scope: SubjectScope = None,
    clip_box: ClipBox = None, flow_region: FlowRegion = None, clip_dtype: ClipDtype = None,
    crop: Crop = None, clips: Clips = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Measure videos: how like their prompt and truth they are, how they move, how steady."""
    from flows.evaluate import evaluate as flow

    switches = {
        "remainder": remainder, "world_size": world_size, "face_head": face_head,
        "face_channel_order": face_channel_order, "subject_scope": subject_scope,
        "clip_box": clip_box, "flow_region": flow_region, "clip_dtype": clip_dtype, "crop": crop,
    }  # fmt: skip
    spec = _spec(given(switches), num_frames, _paths(weight))
    named = [name for some in metrics or () for name in some.split(",") if name]
    with live():
        made = flow(
            source, layout, mode, method, named or None, spec, weights, truth, prompts, benchmark,
            per_video, reference_json, clips,
        )  # fmt: skip
    del made["spent"]  # of this time: asked again, it says the same
    typer.echo(json.dumps(made)) if as_json else _print(made)


@app.command()
def evaluations(as_json: AsJson = False, root: Root = None) -> None:
    """What every evaluation found, the newest first."""
    from tasks.evaluate.exports import listed

    rows = listed(open_store())
    if as_json:
        return typer.echo(json.dumps(rows))
    table = Table("evaluation", "made", "method", "metric", "mean", "n", "videos")
    for row in rows:
        names = (row[key] for key in ("evaluation", "made", "method", "label"))
        table.add_row(*names, _shown(row["mean"]), str(row["n"]), str(row["videos"]))
    out().print(table if rows else "nothing was evaluated yet")


def _spec(asked: dict[str, Any], frames: str | None, weights: dict[str, str]) -> EvaluateSpec:
    if frames is not None:
        if frames != "all" and not (frames.isdigit() and int(frames)):
            raise typer.BadParameter("write --num-frames N, or all")
        asked["num_frames"] = None if frames == "all" else int(frames)
    return EvaluateSpec(**asked, weights=weights)


def _paths(named: list[str] | None) -> dict[str, str]:
    """`["raft=a.pth"]` as `{"raft": "a.pth"}`."""
    pairs = [each.partition("=") for each in named or []]
    if not all(model and path for model, _, path in pairs):
        raise typer.BadParameter("write --weight MODEL=PATH")
    return {model: path for model, _, path in pairs}


def _print(made: dict[str, Any]) -> None:
    """A table a method, and how many videos its means leave out."""
    for method in made["methods"]:
        left = [f"{method[key]} {key}" for key in ("failed", "dropped") if method[key]]
        title = f"{method['method']}: {', '.join([str(method['videos']) + ' videos', *left])}"
        table = Table("metric", "mean", "95 % interval", "n", "unmeasured", title=title)
        for mean in method["means"]:
            around = f"[{_shown(mean['low'])}, {_shown(mean['high'])}]" if mean["n"] else ""
            counts = (str(mean[key]) for key in ("n", "unmeasured"))
            table.add_row(mean["label"], _shown(mean["mean"]), around, *counts)
        out().print(table)
    for name, why in made["methods"][0]["absent"].items():
        out().print(f"[yellow]{name} is absent[/]: {why}")
    if made["guarded"]:
        leaked = len({leak["clip"] for leak in made["leaks"]})
        out().print(f"{leaked} of its clips are in the bank of {made['guarded']}")
    out().print(f"evaluation {made['evaluation']}")


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
