"""The demo's page: its figures above the prompts and their clips."""

from engines.report.html import Figure
from engines.report.retrieval import RetrievalPage
from tasks.demo.demo import Demo

LEAD = (
    "Clips drawn and encoded by reelflow itself, embedded by its small bundled model reelflow-tiny,"
    " which knows coloured shapes only, and retrieved by text. Every prompt names a combination of"
    " shape, colour and background that the model never saw in training; half of them are worded in"
    " ways it never saw either."
)


def build_demo_page(demo: Demo) -> RetrievalPage:
    """Builds the page of the demo's prompts; its clips are square."""
    return RetrievalPage(
        "Moving shapes", LEAD, demo.prompts, demo.about, build_figures(demo), shape="1"
    )


def build_figures(demo: Demo) -> list[Figure]:
    """Shows precision, recall, and the speed of embedding."""
    correct = sum(prompt.correct for prompt in demo.prompts)
    total = sum(prompt.k for prompt in demo.prompts)
    text, video = (demo.recall.get(f"{query}_recall_at_10") for query in ("text", "video"))
    history = demo.embedded
    return [
        Figure("precision@5", f"{demo.precision:.3f}", note=f"{correct} of {total} clips match"),
        Figure("recall@10, text", _format_share(text), note="against exact search"),
        Figure("recall@10, video", _format_share(video), note="against exact search"),
        Figure("embedding", f"{history.frames_per_second:,.0f}", "frames/s", _busiest_part(demo)),
        Figure(
            "throughput",
            f"{history.video_hours_per_day:,.0f}",
            "video-hours/day",
            f"{history.hours:.2f} h of video in {history.load.wall:,.0f} s",
        ),
    ]


def _format_share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _busiest_part(demo: Demo) -> str:
    return demo.embedded.load.describe_bottleneck().split(":")[0]
