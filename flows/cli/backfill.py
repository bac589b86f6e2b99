"""The command that backfills a corpus."""

import json
from typing import Annotated, Any

import typer

from flows.cli.console import live, out, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Root, Runner, Workers
from flows.cli.stages import Activation, Engine, EveryNth, Fps, Model, Precision, Weights, spec_of


@app.command()
def backfill(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="embed; pool and index follow it.")],
    corpus: Annotated[str, typer.Option("--corpus", help="The corpus.")],
    where: Annotated[
        str, typer.Option("--where", help="Of the videos, as published >= '2024-01-01'.")
    ] = "true",
    window: Annotated[int, typer.Option("--window", min=1, help="Videos done at a time.")] = 5000,
    max_parallel: Annotated[
        int, typer.Option("--max-parallel", min=1, help="Windows at once, with --on-workers.")
    ] = 1,
    budget_gpu_hours: Annotated[
        float | None, typer.Option("--budget-gpu-hours", min=0, help="Begin no window after.")
    ] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Do it; else the plan is shown.")
    ] = False,
    on_workers: Annotated[
        bool, typer.Option("--on-workers", help="Each window a run of its deployment.")
    ] = False,
    engine: Engine = "open_clip", model: Model = "reelflow-tiny", weights: Weights = None,
    take_every_nth: EveryNth = None, fps: Fps = None, precision: Precision = "auto",
    activation: Activation = "auto", as_json: AsJson = False, workers: Workers = None,
    runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Embed what a condition names, window by window, within a budget; first see the plan."""
    from flows.backfill import backfill as flow
    from flows.backfill import plan_of

    if stage != "embed":
        raise typer.BadParameter(f"{stage} takes up what embed made by itself: backfill embed")
    spec = spec_of(engine, model, weights, take_every_nth, fps, precision, activation)
    if not approve:
        return _print(plan_of(corpus, where, spec), as_json)
    with live():
        made = flow(
            corpus, where, spec, window, max_parallel, budget_gpu_hours, approved=True,
            child_runs=on_workers,
        )  # fmt: skip
    _print(made, as_json)


def _print(said: dict[str, Any], as_json: bool) -> None:
    """The plan, or what came of it."""
    if as_json:
        return typer.echo(json.dumps(said))
    print_summary(said)
    if said.get("videos") or said.get("pending"):
        out().print("this is the plan: add --approve to do it")
