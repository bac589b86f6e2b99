"""Real footage from the source to an index, stage by stage (others beside it: section `peers`)."""

import statistics
from collections.abc import Iterator
from pathlib import Path

from bench import footage, watched
from bench.figures import Figure
from bench.job import Job


def measure(job: Job) -> Iterator[Figure]:
    if not footage.REAL.is_dir():
        return
    clips = footage.real(job.out / "clips", job.size(20, 8))
    source = footage.table(clips, job.scratch / "clips.parquet")
    weights = footage.weights(job.out)
    ours, whole = [], []
    for turn in range(job.size(3, 1)):
        ran = watched.stages(job.scratch / f"real-{turn}", _calls(source, weights, clips[0].stem))
        if not turn:
            yield from stage_figures("real", ran)
        embed = ran.said["calls"][1]
        ours.append(embed["said"]["frames_per_second"])
        whole.append(embed["said"]["frames"] / embed["seconds"])
    yield Figure("real", "embed, once warm", statistics.median(ours), "frames/s", least=32)
    yield Figure("real", "embed, with start-up", statistics.median(whole), "frames/s")


def _calls(source: Path, weights: Path, video: str) -> list[list]:
    spec = {"model": footage.ARCHITECTURE, "weights": str(weights), "precision": "bf16"}
    return [
        ["ingest", {"source": str(source), "corpus": "bench"}],
        ["embed", {"corpus": "bench", "spec": spec}],
        ["pool", {"corpus": "bench"}],
        # Copies of 8 clips: recall says nothing.
        ["index", {"corpus": "bench", "spec": {"gate": 0}}],
        ["search", {"corpus": "bench", "video": video}],
    ]


def stage_figures(section: str, ran: watched.Watched) -> Iterator[Figure]:
    """Seconds of each stage, how busy embedding was, and what binds."""
    made = {call["name"]: call for call in ran.said["calls"]}
    for stage in ("ingest", "embed", "pool", "index"):
        yield Figure(section, f"{stage}, whole flow", made[stage]["seconds"], "s")
    embed = made["embed"]["said"]
    yield Figure(section, "frames", embed["frames"], "")
    yield Figure(section, "embed", embed["video_hours_per_day"], "video-hours/day")
    around = made["embed"]["seconds"] - embed["seconds"]
    yield Figure(section, "embed, before and after", around, "s")
    for part, share in embed["busy"].items():
        yield Figure(section, f"{part} busy", 100 * share, "%")
    for kind, spent in made["search"]["said"].items():
        yield Figure(section, f"search by {kind}", spent, "ms")
    yield Figure(section, "CPU of everything", ran.cpu_s, "s")
