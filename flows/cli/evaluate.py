"""The panel "Evaluate": metrics of videos, and comparisons of methods."""

from typing import Annotated, Literal

import typer

from data.specs.evaluate import EvaluateSpec
from flows.cli.app import open_panel
from flows.cli.console import live, out, print_result
from flows.cli.evaluation_tables import print_evaluation, print_evaluations, print_leaderboard
from flows.cli.failed import print_failed_videos
from flows.cli.options import AsJson, Root, Runner, Workers, arg, open_store, opt, parse_weights
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option


def _parse_frames(text: str) -> int | None:
    """A number of frames, or None for all of them."""
    if text != "all" and not (text.isdigit() and int(text)):
        raise typer.BadParameter("write --num-frames N, or all")
    return None if text == "all" else int(text)


MEASURE = SpecOptions(
    EvaluateSpec(),
    option("num_frames", "--num-frames", parse=_parse_frames,
           help="Measure the first N frames of each video, or all."),
)  # fmt: skip
CLIP = ("engine", "model", "weights", "precision", "activation")  # of text_similarity
SWITCHES = SpecOptions(
    EvaluateSpec(), "remainder", "world_size", "face_head", "face_channel_order", "subject_scope",
    "clip_box", "flow_region", "clip_dtype", "crop", "tag_order",
    *(option(f"clip.{name}", f"--clip-{name}") for name in CLIP),
    panel="Switches that change scores",
)  # fmt: skip
Mode = Literal["subject", "face"]
Board = Literal["subject", "face", "video-mme", "mlvu", "longvideobench"]
WeightsFolder = Annotated[
    str | None, opt("--weights", "Folder of the models' weights under their published names.")
]

command = open_panel("Evaluate")

PerVideo = Annotated[
    str | None, opt("--per-video", "Parquet file to write: a row per video and metric.")
]


@command()
@add_options(fields=MEASURE, switches=SWITCHES)
def evaluate(
    source: Annotated[str, arg("FOLDER|RUN", "Folder of videos, or a generation run.")],
    fields: Fields, switches: Fields,
    benchmark: Annotated[
        str | None, opt("--benchmark", "Benchmark: msrvtt-personalization.")
    ] = None,
    mode: Annotated[Mode | None, opt("--mode", "Mode of the benchmark.")] = None,
    metrics: Annotated[
        list[str] | None, opt("--metrics", "Metrics: a,b.", default="those published for the mode")
    ] = None,
    layout: Annotated[
        Literal["folder", "official", "miniature"],
        opt("--layout", "official: with the benchmark's sidecars beside the videos."),
    ] = "folder",
    method: Annotated[
        list[str] | None, opt("--method", "Name of the method; of a miniature, which to measure.")
    ] = None,
    truth: Annotated[str | None, opt("--truth", "Folder of the benchmark's embeddings.")] = None,
    prompts: Annotated[str | None, opt("--prompts", "Table of the prompts, by video.")] = None,
    weights: WeightsFolder = None,
    weight: Annotated[
        list[str] | None, opt("--weight", "Weights under another name.", metavar="MODEL=PATH")
    ] = None,
    per_video: PerVideo = None,
    reference_json: Annotated[
        str | None, opt("--reference-json", "JSON file to write, as the published evaluator's.")
    ] = None,
    clips: Annotated[
        str | None,
        opt("--clips", "The benchmark's clips; look for leaks of them in the run's corpus."),
    ] = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Measure videos: similarity to their prompt and references, motion, temporal consistency."""
    from flows.evaluate import evaluate as flow

    spec = build_spec(EvaluateSpec(), fields | switches | {"weights": parse_weights(weight)})
    names = [name for group in metrics or () for name in group.split(",") if name]
    with live():
        summary = flow(
            source, layout, mode, method, names or None, spec, weights, truth, prompts, benchmark,
            per_video, reference_json, clips,
        )  # fmt: skip
    del summary["spent"]  # of this run only: a repeated evaluation prints the same
    print_result(summary, as_json, print_evaluation)
    print_failed_videos(summary)


@command()
def evaluations(as_json: AsJson = False, root: Root = None) -> None:
    """List the results of every evaluation, the newest first."""
    from tasks.evaluate.exports import list_evaluations

    print_result(list_evaluations(open_store()), as_json, print_evaluations)


@command()
def leaderboard(
    evaluations: Annotated[
        list[str] | None,
        arg("[EVALUATION]…", "Evaluations, or runs of answers; all if left out."),
    ] = None,
    mode: Annotated[
        Board | None, opt("--mode", "Only this mode, or benchmark of answers.")
    ] = None,
    sort: Annotated[str | None, opt("--sort", "Metric to rank by.")] = None,
    format: Annotated[
        Literal["text", "md", "json", "html"] | None,
        opt("--format", "Format.", default="that of --out, else text"),
    ] = None,
    file: Annotated[str | None, opt("--out", "File to write: .md, .json or .html.")] = None,
    group: Annotated[bool, opt("--group", "One table per setting of the switches.")] = False,
    clips: Annotated[
        str | None, opt("--clips", "The benchmark's data folder, for the page.")
    ] = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Rank evaluations beside published results, as tables or a page that plays the videos."""
    from flows.leaderboard import leaderboard as flow

    file = _choose_file(format, file)
    with live():
        board = flow(evaluations, mode, sort, group, file, clips)
    if file is not None:
        return out().print(f"written: {file}", markup=False)
    print_result(board, format == "json", lambda each: print_leaderboard(each, format == "md"))


def _choose_file(format: str | None, file: str | None) -> str | None:
    """The file to write, if any; its name must agree with the format."""
    if format == "html" and file is None:
        return "leaderboard.html"
    if file is not None:
        ending = file.rpartition(".")[2]
        if ending not in ("md", "json", "html") or format not in (None, ending):
            raise typer.BadParameter("--out must end in .md, .json or .html, as --format says")
    return file
