"""The panel "Refine": videos taken through a refiner again and again, and measured each time."""

import json
from typing import Annotated, Any, Literal

import typer

from data.specs.refine import PassMeasure, RefineSpec
from flows.cli.app import open_panel
from flows.cli.console import live, print_result
from flows.cli.options import AsJson, Root, Runner, Workers, arg, open_store, opt
from flows.cli.refine_tables import (
    print_failed_passes,
    print_refinement,
    print_refinements,
    print_refiners,
)
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option


def _parse_numbers(text: str) -> tuple[int, ...]:
    """`1,2,4,8` as numbers."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) for part in parts):
        raise typer.BadParameter("write --iterations 1,2,4,8")
    return tuple(map(int, parts))


def _parse_options(pairs: list[str] | None, usage: str) -> dict[str, Any]:
    """`["radius=2"]` as `{"radius": 2}`: values are JSON where they can be, else text."""
    options: dict[str, Any] = {}
    for pair in pairs or []:
        name, sign, value = pair.partition("=")
        if not (name and sign):
            raise typer.BadParameter(f"write {usage} NAME=VALUE")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


REFINE = SpecOptions(
    RefineSpec(),
    "refiner",
    "weights",
    option("iterations", "--iterations", parse=_parse_numbers, default="1,2,4,8"),
    "corruption",
    option("paste_back", "--paste-back"),
    "frames",
    "window",
    "overlap",
    "tile_overlap",
    "batch",
    "precision",
    "seed",
)
MEASURE = SpecOptions(
    PassMeasure(),
    option("distance.clip.extractor", "--extractor"),
    option("distance.clip.weights", "--extractor-weights"),
    option("distance.clip.sha256", "--sha256"),
    option("distance.clip.frames", "--clip-frames"),
    option("distance.clip.fps", "--clip-fps"),
    option("distance.real_window", "--real-window"),
    option("distance.seed", "--distance-seed"),
    "replicates",
    panel="How passes are measured",
)

command = open_panel("Refine")

Layout = Literal["folder", "miniature"]


@command()
@add_options(fields=REFINE, measure=MEASURE)
def refine(
    source: Annotated[
        str, arg("RUN|FOLDER", "Generation run, or a folder, glob, table or corpus of videos.")
    ],
    fields: Fields, measure: Fields,
    refiner_option: Annotated[
        list[str] | None,
        opt("--option", "Option of the refiner; repeatable.", metavar="NAME=VALUE"),
    ] = None,
    corruption_option: Annotated[
        list[str] | None,
        opt("--corruption-option", "Option of the corruption; repeatable.", metavar="NAME=VALUE"),
    ] = None,
    stop: Annotated[
        str | None,
        opt("--stop", "Stop a clip by one of these: change=0.01,drift=20,blur=0.3.",
            metavar="RULE=BOUND"),
    ] = None,
    real: Annotated[
        str | None, opt("--real", "Real videos to measure distances to: a folder or a corpus.")
    ] = None,
    metrics: Annotated[
        str | None, opt("--metrics", "Metrics: a,b.", "those that need no weights")
    ] = None,
    layout: Annotated[
        Layout, opt("--layout", "miniature: a folder per clip, with a video of each method.")
    ] = "folder",
    prompts: Annotated[str | None, opt("--prompts", "Table of the prompts, by video.")] = None,
    limit: Annotated[
        int | None, opt("--limit", "Refine only the first videos, by id.", "all", min=1)
    ] = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Refine videos by repeated passes, and measure what every pass does to them."""
    from flows.refine import refine as flow

    spec = _build_spec(fields, refiner_option, corruption_option, stop)
    if metrics:
        measure["metrics"] = tuple(name for name in metrics.split(",") if name)
    with live():
        result = flow(
            source, spec, real, build_spec(PassMeasure(), measure), layout, prompts, limit
        )
    print_result(result, as_json, print_refinement)
    print_failed_passes(result)


@command()
def refinements(as_json: AsJson = False, root: Root = None) -> None:
    """List the refinements, the newest first."""
    from data.runs.refinements import list_refinements

    print_result(list_refinements(open_store().store), as_json, print_refinements)


@command("experiment-refining")
@add_options(fields=REFINE, measure=MEASURE)
def experiment_refining(
    source: Annotated[
        str, arg("RUN|FOLDER", "Generation run, or a folder, glob, table or corpus of videos.")
    ],
    real: Annotated[str, opt("--real", "Real videos to measure distances to.")],
    fields: Fields, measure: Fields,
    refiners: Annotated[
        str | None, opt("--refiners", "Refiners: a,b.", "identity and the classical filters")
    ] = None,
    limit: Annotated[
        int | None, opt("--limit", "Refine only the first videos, by id.", "all", min=1)
    ] = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Does refining help? Compare refiners with a temporal median on the same videos."""
    from flows.experiment_refining import experiment_refining as flow

    names = [name for name in refiners.split(",") if name] if refiners else None
    spec, asked = build_spec(RefineSpec(), fields), build_spec(PassMeasure(), measure)
    with live():
        result = flow(source, real, names, spec, asked, limit)
    print_result(result, as_json, print_refiners)


def _build_spec(
    fields: Fields, refiner: list[str] | None, corruption: list[str] | None, stop: str | None
) -> RefineSpec:
    """The spec of a command's options."""
    rules = _parse_options(stop.split(",") if stop else None, "--stop")
    if rules:
        fields["stop"] = fields.get("stop", {}) | rules
    fields["options"] = _parse_options(refiner, "--option")
    fields["corruption_options"] = _parse_options(corruption, "--corruption-option")
    return build_spec(RefineSpec(), fields)
