"""What annotating and answering cost: by stage, in batches against one by one, encoded once or not.

CPU seconds, which bear the noise of a machine that has other work; models are loaded beforehand.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import footage
from bench.figures import Figure
from bench.job import Job

KINDS = ("speech", "screen")


def measure(job: Job) -> Iterator[Figure]:
    files = [str(clip) for clip in sorted(footage.REAL.glob("*.mp4"))][: job.size(8, 2)]
    if not files:
        return
    for kind in KINDS:
        yield from _measure_annotator(kind, files)
    yield from _measure_answers(files)


def _measure_annotator(kind: str, files: Sequence[str]) -> Iterator[Figure]:
    """CPU of a minute of video, of all videos in one call and of a call for each."""
    from bench.annotate import cpu_seconds

    from data.records import Video
    from data.specs.annotate import SPECS
    from engines.annotate.engine import AnnotateSetup, VideoAnnotator
    from engines.video.probe import probe_video

    videos = [Video(Path(file).stem, file, "") for file in files]
    minutes = sum(probe_video(file).duration or 0.0 for file in files) / 60
    batches = {"together": [videos], "one by one": [[video] for video in videos]}
    for name, parts in batches.items():
        engine = VideoAnnotator(SPECS[kind](), AnnotateSetup())
        engine.load()
        before, spent = cpu_seconds(), dict[str, float]()
        for part in parts:
            for outcome in engine.run(part):
                _add_seconds(spent, outcome)
        engine.close()  # its decoder ends, and its CPU is counted
        cpu = (cpu_seconds() - before) / minutes
        yield Figure("texts", f"{kind}, {name}: CPU a minute of video", cpu, "s")
        if name == "together":
            for stage, seconds in spent.items():
                yield Figure("texts", f"{kind}: {stage}, a minute of video", seconds / minutes, "s")


def _add_seconds(spent: dict[str, float], outcome: Any) -> None:
    from data.outcome import Done

    if isinstance(outcome, Done):
        for stage, seconds in outcome.value.seconds.items():
            spent[stage] = spent.get(stage, 0.0) + seconds


def _measure_answers(files: Sequence[str]) -> Iterator[Figure]:
    """CPU of a question, of texts alone and with frames, in the ways of `bench/answer.py`."""
    from bench.answer import measure_ways

    for name, questions, cpu in measure_ways(files):
        yield Figure("texts", f"{name}: CPU a question", 1000 * cpu / max(questions, 1), "ms")
