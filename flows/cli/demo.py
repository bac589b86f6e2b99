"""The command that shows everything on a corpus of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.cli.console import live, out
from flows.cli.main import app
from flows.cli.options import Runner

if TYPE_CHECKING:
    from tasks.demo.demo import Demo


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Everything is made in here.")] = Path(
        "demo"
    ),
    videos: Annotated[int, typer.Option("--videos", min=1, help="How many to make.")] = 2000,
    prompts: Annotated[int, typer.Option("--prompts", min=1, help="How many to ask.")] = 40,
    generated: Annotated[int, typer.Option("--generate", min=1, help="How many to make.")] = 12,
    runner: Runner = None,
) -> None:
    """Make videos, run the whole pipeline on them, search, generate, and judge what comes of it."""
    from flows.demo import demo as run

    with live():
        found = run(folder, videos, prompts, generated)
    out().print(_figures(found), "")
    out().print(f"the clips found, playing: {folder / 'report.html'}")
    out().print(f"the videos generated from clips: {folder / 'generated.html'}")
    out().print(f"measured beside those without: {folder / 'leaderboard.html'}")


def _figures(found: "Demo") -> Table:
    """The figures that the project promises, each with its bound where it has one."""
    made, load = found.embedded, found.embedded.load
    table = Table("what", "figure", "", box=None, pad_edge=False, header_style="dim")
    wanted = sum(answer.wanted for answer in found.answers)
    judged = f"≥ 0.9   shape, colour and background right in {wanted} places, {found.short} empty"
    table.add_row("attribute precision@5", f"{found.precision:.3f}", judged)
    for name, value in found.recall.items():
        of = name.split("_")[0]
        table.add_row(f"recall@10, {of} queries", f"{value:.3f}", "≥ 0.95  against exact search")
    rate = f"{made.frames:,} frames in {load.wall:,.1f} s"
    table.add_row("frames a second", f"{made.frames_per_second:,.1f}", rate)
    hours = f"{made.hours:.2f} hours embedded"
    table.add_row("video-hours a day", f"{made.video_hours_per_day:,.0f}", hours)
    table.add_row("bottleneck", "", load.sentence())
    if (video := found.generated) is not None:
        told = f"of {video.videos} videos, asked for motions the base has no words for"
        for name, mean in video.means.items():
            without = f"without clips {video.without[name]:.2f}"
            about = f"{without}   {told}" if name == "motion" else without
            table.add_row(name.replace("_", " "), f"{mean:.2f}", about)
        table.add_row("seconds a video", f"{video.seconds_a_video:.1f}", "")
    for part, seconds in found.seconds.items():
        table.add_row(f"seconds, {part}", f"{seconds:,.1f}", "")
    table.add_row("seconds in all", f"{sum(found.seconds.values()):,.1f}", "")
    return table
