"""The commands of experiments."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from flows.cli.console import live, out
from flows.cli.generation import ClipGuidance, Guidance, Init, Start
from flows.cli.main import app
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers, given

experiment = typer.Typer(help="Measure whether something helps.", no_args_is_help=True)
app.add_typer(experiment, name="experiment")


@experiment.command()
def retrieval(
    corpus: Corpus,
    prompts: Annotated[str, typer.Argument(metavar="PROMPTS", help="A .jsonl or .parquet file.")],
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="Up to so many clips a prompt.")] = 5,
    controller: Annotated[
        list[str] | None, typer.Option("--controller", help="One or more to compare. [bundled]")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="moving_shapes, text_similarity. [moving_shapes]"),
    ] = None,
    base: Annotated[str | None, typer.Option("--model", help="A folder. [bundled]")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1)] = None,
    guidance: Guidance = None, retrieval_guidance: ClipGuidance = None, init: Init = None,
    start: Start = None,
    samples: Annotated[int, typer.Option("--samples-per-prompt", min=1)] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 42,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Does retrieval help? The same prompts and seeds with 0 to k clips, and with wrong ones."""
    from flows.experiment import experiment_retrieval
    from tasks.evaluate.conditions import experiment_spec
    from tasks.generate.shard import generate_spec

    asked: dict[str, Any] = {
        "base": base, "steps": steps, "guidance": guidance, "samples": samples, "seed": seed,
    }  # fmt: skip
    rag = {"guidance": retrieval_guidance, "init": init, "start": start}
    generated = generate_spec(**given(asked), retrieve={"k": k}, rag=given(rag))
    compared = {"controllers": controller, "metrics": metric}
    spec = experiment_spec(generate=generated, **given(compared))
    with live():
        made = experiment_retrieval(corpus, prompts, spec)
    typer.echo(json.dumps(made)) if as_json else _print(made)


def _print(made: dict[str, Any]) -> None:
    """The table of results, and how to see the videos."""
    table = Table("metric", "condition", "n", "mean", "difference to k=0, 95 % interval")
    for row in made["results"]:
        apart = f"{row['difference']:+.3f}  [{row['low']:+.3f}, {row['high']:+.3f}]"
        mean = f"{row['mean']:.3f}"
        table.add_row(row["metric"], row["condition"], str(row["n"]), mean, apart)
    out().print(table)
    out().print(f"the videos: reelflow report {made['experiment']}")
