"""Speech to text: Whisper (Radford et al. 2022, arXiv 2212.04356) by faster-whisper.

Silence is cut out first, by Silero's voice detection; greedy or beam search only, no sampling: the
same sound gives the same words.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from data.errors import UserError
from data.outcome import Outcome
from data.records import Video
from data.specs.annotate import SpeechSpec
from data.store.texts import Annotation
from engines.annotate.passages import Sentence, join_sentences
from engines.annotate.reading import read_each
from engines.annotate.sound_windows import SoundWindows
from engines.annotate.whisper_weights import digest_weights, find_weights
from engines.video.guard.guard import Guard
from engines.video.sound import RATE, Sound
from engines.worker import ModelSetup

VERSION = "1"
NO_TRACK, NO_SPEECH = "no audio track", "no speech"


def digest(spec: SpeechSpec) -> str:
    """The digest of the weights; a UserError where there are none of that name."""
    return digest_weights(spec.weights)


class Annotator:
    """Transcribes sound window by window."""

    def __init__(self, spec: SpeechSpec) -> None:
        self.spec = spec
        self._computing = threading.Lock()  # another thread would only share the same cores

    def load(self, setup: ModelSetup) -> None:
        """Loads the model; a UserError if it does not know the spec's language."""
        from faster_whisper import WhisperModel

        self._model = WhisperModel(
            find_weights(self.spec.weights), compute_type=self.spec.precision,
            cpu_threads=setup.threads, local_files_only=True,
        )  # fmt: skip
        known, language = self._model.supported_languages, self.spec.language
        if language is not None and language not in known:  # else it would be written as English
            raise UserError(
                f"{self.spec.weights} does not know the language {language!r}: it knows"
                f" {', '.join(known)}; leave --language out, or name another --speech-model"
            )

    def annotate(self, videos: Sequence[Video], guard: Guard) -> Iterator[Outcome[Annotation]]:
        """The passages of each video."""
        return read_each(guard.decode_sound(videos), lambda: _Reader(self.spec, self.transcribe))

    def transcribe(self, samples: np.ndarray) -> list[Sentence]:
        """(n,) float32 at 16 kHz to the sentences that pass the gates."""
        spec = self.spec
        with self._computing:
            segments, info = self._model.transcribe(
                samples, language=spec.language, beam_size=spec.beam, vad_filter=True,
                # Sampling at higher temperatures would make a result a matter of luck.
                temperature=0.0, condition_on_previous_text=False,
                no_speech_threshold=spec.no_speech, log_prob_threshold=spec.log_probability,
                compression_ratio_threshold=spec.compression,
            )  # fmt: skip
            kept = [segment for segment in segments if self._passes(segment)]
        return [
            Sentence(
                s.start, s.end, s.text.strip(), s.avg_logprob, s.no_speech_prob,
                s.compression_ratio, info.language,
            )
            for s in kept
        ]  # fmt: skip

    def _passes(self, segment: Any) -> bool:
        # faster-whisper's own thresholds only make it try again; here a text has to pass.
        spec = self.spec
        doubtful = segment.avg_logprob < spec.log_probability
        silent = segment.no_speech_prob > spec.no_speech and segment.avg_logprob < -0.5
        repeats = segment.compression_ratio > spec.compression
        return bool(segment.text.strip()) and not (doubtful or silent or repeats)


class _Reader:
    def __init__(self, spec: SpeechSpec, transcribe: Any) -> None:
        self._spec, self._transcribe = spec, transcribe
        self._windows, self._sentences = SoundWindows(), list[Sentence]()
        self._is_silent = True

    def add(self, part: Sound) -> None:
        self._is_silent = False
        self._take(self._windows.add(part))

    def finish(self) -> Annotation:
        self._take(self._windows.finish())
        if self._is_silent:
            return Annotation((), NO_TRACK)
        texts = join_sentences(self._sentences, self._spec.shortest_s, self._spec.longest_s)
        return Annotation(tuple(texts)) if texts else Annotation((), NO_SPEECH)

    def _take(self, windows: list[tuple[float, np.ndarray]]) -> None:
        for start, samples in windows:
            # Whisper hears windows of 30 s, padded: its last word may end after the sound.
            length = len(samples) / RATE
            heard = self._transcribe(samples)
            self._sentences += [each.end_by(length).shift(start) for each in heard]
