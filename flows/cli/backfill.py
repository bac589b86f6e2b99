"""The command that backfills a corpus."""

import json
from typing import Annotated, Any, Literal

import typer

from data.errors import UserError
from data.runs.backfill import Left
from data.settings import Settings
from flows.cli.console import live, out, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Root, Runner, Workers
from flows.cli.stages import (
    Activation,
    Engine,
    EveryNth,
    Fps,
    Model,
    Precision,
    Weights,
    asked_spec,
)

INSTEAD = {  # of a backfill, for stages that no condition on videos makes sense for
    "ingest": "ingest reads a source, not a condition: `reelflow ingest SRC --corpus {0}`",
    "pool": "pool follows embed: `reelflow pool {0}`, or `backfill embed --through pool`",
    "index": "index follows pool: `reelflow index {0}`, or `backfill embed --through index`",
    "generate": "generate follows prompts: `reelflow generate {0} PROMPTS`",
    "evaluate": "evaluate takes videos that were generated: `reelflow evaluate RUN`",
}


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
    through: Annotated[
        Literal["embed", "pool", "index"],
        typer.Option("--through", help="When nothing is left, go on to this stage."),
    ] = "embed",
    engine: Engine = None, model: Model = None, weights: Weights = None,
    take_every_nth: EveryNth = None, fps: Fps = None, precision: Precision = None,
    activation: Activation = None, as_json: AsJson = False, workers: Workers = None,
    runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Embed what a condition names, window by window, within a budget; first see the plan."""
    from flows.backfill import backfill as flow
    from flows.backfill import plan_of

    _check(stage, corpus, ask_server=approve and on_workers)
    spec = asked_spec(engine, model, weights, take_every_nth, fps, precision, activation)
    if not approve:
        at_once = max_parallel if on_workers else 1
        return _print_plan(plan_of(corpus, where, spec, window, at_once), as_json)
    with live():
        made = flow(
            corpus, where, spec, window, max_parallel, budget_gpu_hours, approved=True,
            child_runs=on_workers, through=through,
        )  # fmt: skip
    typer.echo(json.dumps(made)) if as_json else print_summary(made)


def _check(stage: str, corpus: str, ask_server: bool) -> None:
    from prefect.settings import PREFECT_API_URL

    if stage in INSTEAD:
        raise UserError(INSTEAD[stage].format(corpus))
    if stage != "embed":
        raise typer.BadParameter(f"there is no stage {stage!r}: backfill embed")
    if ask_server and not PREFECT_API_URL.value():
        raise UserError("--on-workers asks a server: export PREFECT_API_URL, as `reelflow up` says")


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    """What would be done, and how to have it done."""
    from tasks.embed.backfill import said

    if as_json:
        return typer.echo(json.dumps(plan))
    print_summary(said(Left(**plan), Settings()))
    if plan["videos"] or plan["pending"]:
        return out().print("this is the plan: add --approve to do it")
    out().print(
        f"nothing to do: all that match were tried as {plan['fingerprint']}; `reelflow failures"
        f" {plan['corpus']}` names what failed; --model, --fps and the like name other vectors"
        if plan["matching"]
        else "nothing to do: no video matches"
    )
