"""Seconds of CPU for a minute of video, by annotator, and what encoding texts once saves.

    python tests/bench/annotate.py FOLDER [KIND …]

In this process, with one thread of the model and one decoder; CPU of both is counted, the loading
of models is not.
"""

import resource
import sys
import time
from pathlib import Path

from data.outcome import Done
from data.records import Video
from data.specs.annotate import SPECS
from data.specs.encode import EncodeSpec
from engines.annotate.engine import AnnotateSetup, VideoAnnotator
from engines.retrieve.encoders.sentences import Encoder
from engines.video.probe import probe_video

QUESTIONS = 50


def cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in spent)


def measure(kind: str, videos: list[Video], seconds: float) -> list[str]:
    """Prints a line for an annotator; the texts that it found."""
    engine = VideoAnnotator(SPECS[kind](), AnnotateSetup())
    engine.load()
    before, started = cpu_seconds(), time.perf_counter()
    outcomes = list(engine.run(videos))
    engine.close()  # its decoder ends, and its CPU is counted
    cpu, wall = cpu_seconds() - before, time.perf_counter() - started
    texts = [text for o in outcomes if isinstance(o, Done) for text in o.value.texts]
    print(
        f"{kind}: {len(videos)} videos of {seconds:.1f} s, {len(texts)} texts;"
        f" {cpu / seconds * 60:.1f} s of CPU a minute of video ({wall / seconds * 60:.1f} s passed)"
    )
    for outcome in outcomes:
        found = outcome.value.texts if isinstance(outcome, Done) else ()
        for text in found:
            print(f"  {outcome.id} {text.start:g}-{text.end:g}: {text.text}")
        if not found:
            why = outcome.value.result if isinstance(outcome, Done) else outcome.reason
            print(f"  {outcome.id}: ({why})")
    return [text.text for text in texts]


def measure_encoding(texts: list[str]) -> None:
    """Prints what questions cost where texts are encoded once, and where for each question."""
    encoder = Encoder(EncodeSpec())
    encoder.load()
    many = (texts * 200)[:200]
    before = cpu_seconds()
    encoder.encode(many)
    each = cpu_seconds() - before
    before = cpu_seconds()
    encoder.encode(["what was said about the telescope?"] * QUESTIONS)
    asked = cpu_seconds() - before
    once, always = each + asked, QUESTIONS * each + asked
    print(
        f"{QUESTIONS} questions over {len(many)} texts: {once:.2f} s of CPU with texts encoded"
        f" once, {always:.2f} s with texts encoded for each question (computed)"
    )


def main() -> None:
    """Measures each kind named, by default speech and screen."""
    files = sorted(each for each in Path(sys.argv[1]).iterdir() if each.is_file())
    videos = [Video(each.stem, str(each), "") for each in files]
    seconds = sum(probe_video(str(each)).duration or 0.0 for each in files)
    texts = [
        t for kind in sys.argv[2:] or ["speech", "screen"] for t in measure(kind, videos, seconds)
    ]
    if texts:
        measure_encoding(texts)


if __name__ == "__main__":
    main()
