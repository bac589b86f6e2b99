"""The command that generates videos."""

import json
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from data.specs.pipeline import GenerateSpec
from flows.cli.console import live, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers, given

Prompts = Annotated[
    str | None, typer.Argument(metavar="PROMPTS", help="A .txt, .parquet or .jsonl file.")
]
Texts = Annotated[list[str] | None, typer.Option("--prompt", help="A prompt, in place of a file.")]
Engine = Annotated[
    str, typer.Option("--generator", "--engine", help="ragme, diffusers, or fake to rehearse.")
]
Base = Annotated[str | None, typer.Option("--model", help="A diffusers folder or name. [bundled]")]
Controller = Annotated[
    str | None, typer.Option("--controller", help="A controller's folder. [bundled]")
]
Clips = Annotated[int | None, typer.Option("-k", "--k", min=0, help="Clips a prompt. [5]")]
Where = Annotated[str | None, typer.Option("--where", help="Of the clips, as fps > 20.")]
Without = Annotated[
    str | None, typer.Option("--without", help="A file of ids not to retrieve, as leaks writes.")
]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Of denoising. [50]")]
Guidance = Annotated[float | None, typer.Option("--guidance", help="Scale of the text. [10]")]
ClipGuidance = Annotated[
    float | None, typer.Option("--retrieval-guidance", help="Scale of the clips. [as the text]")
]
Init = Annotated[
    float | None, typer.Option("--init", help="Of the clips in the first noise, 0 to 1. [1]")
]
Start = Annotated[
    float | None, typer.Option("--start", help="Share of the steps run on from there, 0 to 1. [1]")
]
Negative = Annotated[str | None, typer.Option("--negative", help="What not to show.")]
Size = Annotated[str | None, typer.Option("--size", help="As 448x256.")]
Frames = Annotated[int | None, typer.Option("--frames", min=1, help="Of a video. [12]")]
Fps = Annotated[float | None, typer.Option("--fps", help="Frames a second. [8]")]
Samples = Annotated[
    int | None, typer.Option("--samples-per-prompt", min=1, help="Videos a prompt. [1]")
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="[42]")]
Precision = Annotated[str, typer.Option("--precision", help="fp32, bf16, fp16, auto.")]


@app.command()
def generate(
    corpus: Corpus,
    prompts: Prompts = None, prompt: Texts = None, engine: Engine = "ragme", base: Base = None,
    controller: Controller = None, k: Clips = None, where: Where = None, without: Without = None,
    steps: Steps = None, guidance: Guidance = None, retrieval_guidance: ClipGuidance = None,
    init: Init = None, start: Start = None, negative: Negative = None, size: Size = None,
    frames: Frames = None, fps: Fps = None, samples: Samples = None, seed: Seed = None,
    precision: Precision = "auto", as_json: AsJson = False, workers: Workers = None,
    runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Make a video for every prompt, following the clips that are found for it."""
    from flows.generate import generate as flow
    from tasks.retrieve.leak_files import excluded

    if (prompts is None) == (not prompt):
        raise typer.BadParameter("give a file of PROMPTS, or --prompt TEXT, not both")
    spec = _spec(
        {"engine": engine, "base": base, "controller": controller, "steps": steps,
         "guidance": guidance, "negative": negative, "frames": frames, "fps": fps,
         "samples": samples, "seed": seed, **_size(size)},
        precision, {"k": k, "where": where, "exclude": excluded(without) if without else None},
        {"guidance": retrieval_guidance, "init": init, "start": start},
    )  # fmt: skip
    with live():
        made = flow(corpus, prompts or prompt or [], spec)
    typer.echo(json.dumps(made)) if as_json else print_summary(made)


def _spec(
    asked: dict[str, Any], precision: str, retrieve: dict[str, Any], rag: dict[str, Any]
) -> GenerateSpec:
    """The spec of what was asked for; None is what nobody asked for."""
    from tasks.generate.shard import generate_spec
    from tasks.service.machine import fastest_precision

    if precision != "auto":
        asked["precision"] = precision
    elif asked["base"] is not None:  # the bundled model is too small to gain by bf16
        asked["precision"] = fastest_precision()
    try:
        return generate_spec(**given(asked), retrieve=given(retrieve), rag=given(rag))
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error


def _size(size: str | None) -> dict[str, int]:
    """`448x256` as width and height."""
    if size is None:
        return {}
    width, cross, height = size.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise typer.BadParameter("write --size WIDTHxHEIGHT, as 448x256")
    return {"width": int(width), "height": int(height)}
