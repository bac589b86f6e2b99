"""The demo's figures, as its page shows them."""

from engines.report.html import Figure
from tasks.demo.demo import Demo
from tasks.report.retrieval import Page

LEAD = (
    "Clips drawn and encoded by reelflow itself, embedded by its small bundled model, and found by"
    " text. Every prompt names a combination of shape, colour and background that the model never"
    " saw in training; half of them use wording it never saw either."
)


def demo_page(found: Demo) -> Page:
    """The page of the demo's answers; clips are square."""
    return Page("Moving shapes", LEAD, found.answers, found.about, figures(found), shape="1")


def figures(found: Demo) -> list[Figure]:
    """What the page says above the prompts."""
    right, wanted = (sum(getattr(a, of) for a in found.answers) for of in ("right", "wanted"))
    text, video = (found.recall.get(f"{of}_recall_at_10") for of in ("text", "video"))
    made = found.embedded
    return [
        Figure(
            "precision@5", f"{found.precision:.3f}", note=f"{right} of {wanted} clips are right"
        ),
        Figure("recall@10, text", _share(text), note="against exact search"),
        Figure("recall@10, video", _share(video), note="against exact search"),
        Figure("embedding", f"{made.frames_per_second:,.0f}", "frames/s", _busiest(found)),
        Figure(
            "throughput",
            f"{made.video_hours_per_day:,.0f}",
            "video-hours/day",
            f"{made.hours:.2f} h of video in {made.load.wall:,.0f} s",
        ),
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _busiest(found: Demo) -> str:
    return found.embedded.load.sentence().split(":")[0]
