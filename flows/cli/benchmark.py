"""The commands that make a benchmark's data."""

import json
from typing import Annotated, Any, Literal

import typer

from data.specs.evaluate import EvaluateSpec
from flows.cli.console import live, print_summary
from flows.cli.evaluate import Weights
from flows.cli.main import app
from flows.cli.options import AsJson, Root, Runner, Workers, given
from flows.cli.switches import ClipDtype

benchmark = typer.Typer(help="Make the data of MSRVTT-Personalization.", no_args_is_help=True)
app.add_typer(benchmark, name="benchmark")

Out = Annotated[str, typer.Argument(metavar="OUT", help="The folder to make; what is there stays.")]


@benchmark.command()
def prepare(
    annotations: Annotated[
        str, typer.Argument(metavar="ANNOTATIONS", help="The unpacked annotations.")
    ],
    videos: Annotated[str, typer.Argument(metavar="VIDEOS", help="Those of MSR-VTT.")],
    folder: Out,
    inpaint: Annotated[
        str | None,
        typer.Option("--inpaint", help="A Stable Diffusion inpainting pipeline, for backgrounds."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the inpainting.")] = 0,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Cut the annotated clips, with their frames, cut-outs and backgrounds."""
    from flows.benchmark import benchmark_prepare

    with live():
        made = benchmark_prepare(annotations, videos, folder, inpaint, seed)
    _print(made, as_json)


@benchmark.command()
def embed(
    source: Annotated[
        str, typer.Argument(metavar="DATA", help="Prepared clips, or the miniature.")
    ],
    folder: Out,
    weights: Weights = None,
    layout: Annotated[
        Literal["parquet", "official"],
        typer.Option("--layout", help="official: the files that the published scripts leave."),
    ] = "parquet",
    annotations: Annotated[
        str | None, typer.Option("--annotations", help="Keep their order of faces.")
    ] = None,
    clip_dtype: ClipDtype = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Make the vectors that videos are compared with: of texts, frames, cut-outs and faces."""
    from flows.benchmark import benchmark_embed

    spec = EvaluateSpec(**given({"clip_dtype": clip_dtype}))
    with live():
        made = benchmark_embed(source, folder, weights, spec, layout, annotations)
    _print(made, as_json)


@benchmark.command()
def lists(
    data: Annotated[str, typer.Argument(metavar="DATA", help="Prepared clips.")],
    folder: Annotated[str, typer.Option("--out", help="The folder to write them to.")] = ".",
    mode: Annotated[Literal["subject", "face", "all"], typer.Option("--mode")] = "all",
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Write the lists of prompts and reference pictures that a generator is given."""
    from flows.benchmark import benchmark_lists

    _print(benchmark_lists(data, folder, mode), as_json)


def _print(made: dict[str, Any], as_json: bool) -> None:
    typer.echo(json.dumps(made)) if as_json else print_summary(made)
