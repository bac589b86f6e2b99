"""The panel "Try it": a demonstration, and a check of this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.table import Table

from data.specs.models import NOTES, SHAPES
from flows.cli.app import open_panel
from flows.cli.console import live, out
from flows.cli.options import Root, Runner, arg, opt

if TYPE_CHECKING:
    from tasks.demo.demo import Demo

command = open_panel("Try it")


@command()
def demo(
    what: Annotated[
        Literal["pipeline", "motion", "refine", "texts"],
        arg("[pipeline|motion|refine|texts]", "Which demo. [pipeline]"),
    ] = "pipeline",
    folder: Annotated[
        Path, opt("--folder", "Folder for everything that the demo makes.")
    ] = Path("demo"),
    videos: Annotated[int, opt("--videos", "Videos in the corpus.", min=1)] = 2000,
    refiner: Annotated[
        str, opt("--refiner", "Refiner of the demo of refinement.")
    ] = "temporal_median",
    prompts: Annotated[int, opt("--prompts", "Prompts to search for.", min=1)] = 40,
    generated: Annotated[int, opt("--generate", "Videos to generate.", min=1)] = 12,
    seed: Annotated[int, opt("--seed", "Seed of the films of the demo of texts.", min=0)] = 0,
    runner: Runner = None,
) -> None:  # fmt: skip
    """Make a small corpus and run the whole pipeline on it; move pictures; refine; answer."""
    if what == "motion":
        return _demo_motion(folder)
    if what == "refine":
        return _demo_refine(folder, refiner)
    if what == "texts":
        return _demo_texts(folder, seed)
    # Inside, so that `--help` does not load Prefect.
    from flows.demo import demo as flow

    out(err=True).print(f"model: {SHAPES}, bundled, which {NOTES[SHAPES]}")
    out(err=True).print("your own footage: reelflow run NAME --source FOLDER, see README.md")
    with live():
        result = flow(folder, videos, prompts, generated)
    out().print(_build_table(result), "")
    out().print(f"retrieved clips: {folder / 'report.html'}")
    out().print(f"generated videos: {folder / 'generated.html'}")
    out().print(f"scores with and without clips: {folder / 'leaderboard.html'}")


def _demo_motion(folder: Path) -> None:
    """Moves pictures as retrieved clips move, and prints what that and its controls do."""
    from flows.cli.evaluation_tables import print_experiment
    from flows.demo_motion import demo_motion as flow

    with live():
        result = flow(folder)
    print_experiment(result)
    _print_seconds(result["seconds"])
    out().print(f"all conditions beside each other: {result['page']}")
    _open_page(result["page"])


def _demo_refine(folder: Path, refiner: str) -> None:
    """Refines grainy clips of moving shapes, and prints what every pass does to them."""
    from flows.cli.refine_tables import print_refinement
    from flows.demo_refine import demo_refine as flow

    with live():
        result = flow(folder, refiner)
    print_refinement(result)
    out().print(f"the passes beside each other: {result['page']}")


def _demo_texts(folder: Path, seed: int) -> None:
    """Answers questions about films that speak and show text, with and without their texts."""
    from flows.cli.score_tables import print_text_experiment
    from flows.demo_texts import demo_texts as flow

    with live():
        result = flow(folder, seed=seed)
    for note in result["notes"]:
        out(err=True).print(note)
    print_text_experiment(result)
    _print_seconds(result["seconds"])
    _open_page(result["page"])


def _print_seconds(parts: dict[str, float]) -> None:
    """Prints the seconds of each part of a demo, and of all."""
    table = Table("part", "seconds", box=None, pad_edge=False, header_style="dim")
    for part, seconds in parts.items():
        table.add_row(part, f"{seconds:,.1f}")
    table.add_row("in total", f"{sum(parts.values()):,.1f}")
    out().print(table)


def _open_page(page: Path) -> None:
    """Opens a page in the browser of somebody who sits in front of a screen."""
    import os
    import sys
    import webbrowser

    has_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.stdout.isatty() and has_screen:
        webbrowser.open(page.absolute().as_uri())


@command()
def doctor(root: Root = None) -> None:
    """Check what this machine has, what is missing, and how to install it."""
    from tasks.service.machine import check_machine

    table = Table("what", "found", "how to fix it")
    for check in check_machine():
        mark = "[green]ok[/]" if check.good else "[red]missing[/]"
        table.add_row(check.name, f"{mark} {check.found}", "" if check.good else check.fix)
    out().print(table)


def _build_table(result: "Demo") -> Table:
    """The figures that the project promises, each with its bound where it has one."""
    embedded, load = result.embedded, result.embedded.load
    table = Table("what", "figure", "", box=None, pad_edge=False, header_style="dim")
    wanted = sum(prompt.k for prompt in result.prompts)
    about = f"≥ 0.9   shape, colour and background of {wanted} hits, {result.short} missing"
    table.add_row("attribute precision@5", f"{result.precision:.3f}", about)
    for name, value in result.recall.items():
        queries = name.split("_")[0]
        bound = "≥ 0.95  against exact search"
        table.add_row(f"recall@10, {queries} queries", f"{value:.3f}", bound)
    rate = f"{embedded.frames:,} frames in {load.wall:,.1f} s"
    table.add_row("frames per second", f"{embedded.frames_per_second:,.1f}", rate)
    hours = f"{embedded.hours:.2f} hours embedded"
    table.add_row("video-hours per day", f"{embedded.video_hours_per_day:,.0f}", hours)
    table.add_row("bottleneck", "", load.describe_bottleneck())
    if (video := result.generated) is not None:
        about = f"{video.videos} videos of motions that the base model has no words for"
        for name, mean in video.means.items():
            without = f"without clips {video.without[name]:.2f}"
            note = f"{without}   {about}" if name == "motion" else without
            table.add_row(name.replace("_", " "), f"{mean:.2f}", note)
        table.add_row("seconds per generated video", f"{video.seconds_a_video:.1f}", "")
    for part, seconds in result.seconds.items():
        table.add_row(f"seconds, {part}", f"{seconds:,.1f}", "")
    table.add_row("seconds in total", f"{sum(result.seconds.values()):,.1f}", "")
    return table
