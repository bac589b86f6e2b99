"""Small videos that speak and show text, and annotators that were loaded once."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data.outcome import Outcome
from data.records import Video
from data.specs.annotate import AnnotateSpec
from data.store.texts import Annotation
from engines.annotate.engine import AnnotateSetup, VideoAnnotator
from engines.tiny.talking.film import HZ, draw_text, write_film
from engines.tiny.talking.voice import speak

SENTENCE = "The red circle was found in the northern harbour on Tuesday."
SIZE, FPS = (240, 320), 4


def film(path: Path, seconds: int, sound: np.ndarray | None, words: Iterable[str] = ()) -> Path:
    """A video that shows each of `words` for an equal part of its time."""
    shown = list(words) or [""]

    def draw(n: int) -> np.ndarray:
        picture = np.full((*SIZE, 3), (40, 70, 110), np.uint8)
        text = shown[n * len(shown) // (seconds * FPS)]
        if text:
            draw_text(picture, text, (20, 120))
        return picture

    path.parent.mkdir(parents=True, exist_ok=True)
    write_film(path, map(draw, range(seconds * FPS)), SIZE, FPS, sound)
    return path


def spoken(text: str = SENTENCE, after_s: float = 0.0) -> np.ndarray:
    """The spoken text after a pause."""
    return np.concatenate([np.zeros(int(after_s * HZ), np.int16), speak(text, HZ)])


def write_silence(path: Path, minutes: int, hz: int = 8_000) -> Path:
    """A file of nothing but silence, of 16 KB a minute."""
    import av

    with av.open(str(path), "w", format="matroska") as file:
        stream = file.add_stream("flac", rate=hz, layout="mono")
        for minute in range(minutes):
            silence = np.zeros((1, 60 * hz), np.int16)
            frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
            frame.sample_rate, frame.pts = hz, minute * 60 * hz
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def tone(seconds: float) -> np.ndarray:
    """Music of a kind: a chord that swells."""
    t = np.arange(int(seconds * HZ)) / HZ
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6))
    return (6000 * chord * (1 + np.sin(3 * t)) / 2).astype(np.int16)


def annotated(engine: VideoAnnotator, *files: Path) -> dict[str, Outcome[Annotation]]:
    """The outcome of each file, by its name."""
    videos = [Video(file.stem, str(file), f"sha256:{file.stem}") for file in files]
    return {outcome.id: outcome for outcome in engine.run(videos)}


def loaded(spec: AnnotateSpec) -> VideoAnnotator:
    """An annotator with one decoder and one thread."""
    engine = VideoAnnotator(spec, AnnotateSetup())
    engine.load()
    return engine
