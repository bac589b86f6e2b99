"""The command that generates videos."""

import json
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from data.specs import GenerateSpec
from flows.cli.console import live, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers


@app.command()
def generate(
    corpus: Corpus,
    prompts: Annotated[
        str | None, typer.Argument(metavar="PROMPTS", help="A .txt, .parquet or .jsonl file.")
    ] = None,
    prompt: Annotated[
        list[str] | None, typer.Option("--prompt", help="A prompt, in place of a file.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--generator", "--engine", help="ragme, diffusers, or fake to rehearse.")
    ] = "ragme",
    base: Annotated[
        str | None, typer.Option("--model", help="A diffusers folder or name. [bundled]")
    ] = None,
    controller: Annotated[
        str | None, typer.Option("--controller", help="A controller's folder. [bundled]")
    ] = None,
    k: Annotated[int | None, typer.Option("-k", "--k", min=0, help="Clips a prompt. [5]")] = None,
    where: Annotated[str | None, typer.Option("--where", help="Of the clips, as fps > 20.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1)] = None,
    guidance: Annotated[float | None, typer.Option("--guidance", help="Of the text.")] = None,
    retrieval_guidance: Annotated[
        float | None, typer.Option("--retrieval-guidance", help="Of the clips. [as the text]")
    ] = None,
    init: Annotated[
        float | None, typer.Option("--init", help="Of the clips in the first noise, 0 to 1. [1]")
    ] = None,
    negative: Annotated[str | None, typer.Option("--negative", help="What not to show.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="As 448x256.")] = None,
    frames: Annotated[int | None, typer.Option("--frames", min=1)] = None,
    fps: Annotated[float | None, typer.Option("--fps")] = None,
    samples: Annotated[
        int | None, typer.Option("--samples-per-prompt", min=1, help="Videos a prompt. [1]")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="[42]")] = None,
    precision: Annotated[str, typer.Option("--precision", help="fp32, bf16, fp16, auto.")] = "auto",
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Make a video for every prompt, following the clips that are found for it."""
    from flows.generate import generate as flow

    if (prompts is None) == (not prompt):
        raise typer.BadParameter("give a file of PROMPTS, or --prompt TEXT, not both")
    spec = _spec(
        {"engine": engine, "base": base, "controller": controller, "steps": steps,
         "guidance": guidance, "negative": negative, "frames": frames, "fps": fps,
         "samples": samples, "seed": seed, **_size(size)},
        precision, {"k": k, "where": where}, {"guidance": retrieval_guidance, "init": init},
    )  # fmt: skip
    with live():
        made = flow(corpus, prompts or prompt or [], spec)
    typer.echo(json.dumps(made)) if as_json else print_summary(made)


def _spec(
    asked: dict[str, Any], precision: str, retrieve: dict[str, Any], rag: dict[str, Any]
) -> GenerateSpec:
    """The spec of what was asked for; None is what nobody asked for."""
    from tasks.generate import generate_spec
    from tasks.machine import fastest_precision

    asked["precision"] = fastest_precision() if precision == "auto" else precision
    try:
        return generate_spec(**_given(asked), retrieve=_given(retrieve), rag=_given(rag))
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _size(size: str | None) -> dict[str, int]:
    """`448x256` as width and height."""
    if size is None:
        return {}
    width, cross, height = size.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise typer.BadParameter("write --size WIDTHxHEIGHT, as 448x256")
    return {"width": int(width), "height": int(height)}
