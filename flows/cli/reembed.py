"""The panel "Re-embed": vectors of another model or sampling, beside those in use, then instead."""

from typing import Annotated, Any, Literal

import typer

from data.errors import UserError
from data.runs.backfill import RemainingWork
from data.settings import Settings
from flows.cli.app import open_panel
from flows.cli.console import out, print_result, print_summary, run_flow
from flows.cli.options import (
    EMBED,
    AsJson,
    Corpus,
    CorpusOption,
    Root,
    Runner,
    Workers,
    arg,
    build_embed_spec,
    opt,
)
from flows.cli.spec_options import Fields, add_options

INSTEAD = {  # what to type for the stages that have no videos to select
    "ingest": "ingest reads a source: `reelflow ingest SRC --corpus {0}`",
    "pool": "pool follows embed: `reelflow pool {0}`, or `backfill embed --through pool`",
    "index": "index follows pool: `reelflow index {0}`, or `backfill embed --through index`",
    "generate": "generate reads prompts: `reelflow generate {0} PROMPTS`",
    "evaluate": "evaluate measures generated videos: `reelflow evaluate RUN`",
}
Fingerprint = Annotated[str, arg("FINGERPRINT", "Fingerprint that backfill or embed printed.")]

command = open_panel("Re-embed")


@command()
@add_options(fields=EMBED)
def backfill(
    stage: Annotated[str, arg("STAGE", "Stage to fill: embed; pool and index follow it.")],
    corpus: CorpusOption, fields: Fields,
    where: Annotated[
        str, opt("--where", "SQL condition, e.g. published >= '2024-01-01'.")
    ] = "true",
    window: Annotated[int, opt("--window", "Videos per window.", min=1)] = 5000,
    max_parallel: Annotated[
        int, opt("--max-parallel", "Windows at a time, with --on-workers.", min=1)
    ] = 1,
    budget_gpu_hours: Annotated[
        float | None, opt("--budget-gpu-hours", "Start no window after this many hours.", min=0)
    ] = None,
    approve: Annotated[bool, opt("--approve", "Run it; without, the plan is shown.")] = False,
    on_workers: Annotated[
        bool, opt("--on-workers", "Run each window as a deployment, on any worker.")
    ] = False,
    through: Annotated[
        Literal["embed", "pool", "index"],
        opt("--through", "Continue to this stage when nothing is left."),
    ] = "embed",
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Embed videos that match a condition, window by window, within a budget; shows a plan first.

    With another model or sampling the vectors are kept beside the current ones.
    """
    from flows.backfill import backfill as flow
    from flows.backfill import read_plan

    _check_request(stage, corpus, needs_server=approve and on_workers)
    spec = build_embed_spec(fields)
    if not approve:
        plan = read_plan(corpus, where, spec, window, max_parallel if on_workers else 1)
        return print_result(plan, as_json, _print_plan)
    limits = (window, max_parallel, budget_gpu_hours)
    how: dict[str, Any] = {"approved": True, "child_runs": on_workers, "through": through}
    run_flow(flow, corpus, where, spec, *limits, **how, as_json=as_json)


@command("compare-vectors")
def compare_vectors(
    corpus: Corpus, embed: Fingerprint,
    sample: Annotated[int, opt("--sample", "Number of videos to compare.", min=11)] = 2000,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Compare other vectors with the current ones: shared neighbours, caption recall."""
    from flows.shadow import compare_vectors as flow

    run_flow(flow, corpus, embed, sample, as_json=as_json)


@command()
def switch(corpus: Corpus, embed: Fingerprint, root: Root = None) -> None:
    """Make searches use other vectors; the same with the former fingerprint switches back."""
    from flows.shadow import switch as flow

    run_flow(flow, corpus, embed)


def _check_request(stage: str, corpus: str, needs_server: bool) -> None:
    from prefect.settings import PREFECT_API_URL

    if stage in INSTEAD:
        raise UserError(INSTEAD[stage].format(corpus))
    if stage != "embed":
        raise typer.BadParameter(f"unknown stage {stage!r}: write backfill embed")
    if needs_server and not PREFECT_API_URL.value():
        raise UserError("--on-workers needs a server: export PREFECT_API_URL, see `reelflow up`")


def _print_plan(plan: dict[str, Any]) -> None:
    """Prints what would be done, and how to start it."""
    from tasks.embed.backfill import describe_plan

    print_summary(describe_plan(RemainingWork(**plan), Settings()))
    if plan["videos"] or plan["pending"]:
        return out().print("this is the plan: add --approve to run it")
    out().print(
        f"nothing to do: every match was tried with {plan['fingerprint']}; see `reelflow failures"
        f" {plan['corpus']}`, or name other vectors with --model, --fps, …"
        if plan["matching"]
        else "nothing to do: no video matches"
    )
