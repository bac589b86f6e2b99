"""Speech by Whisper tiny.en, whose weights are a package, of synthesised sentences."""

from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest
from support.talking import annotated, film, loaded, spoken, tone, write_silence

from data.errors import UserError
from data.outcome import Done, Failed
from data.specs.annotate import SpeechSpec
from data.store.texts import Annotation
from engines.annotate import whisper_weights
from engines.annotate.annotators import speech
from engines.annotate.engine import VideoAnnotator
from engines.annotate.passages import Sentence
from engines.annotate.sound_windows import WINDOW_S, SoundWindows, find_quiet_cut
from engines.video.sound import RATE, Sound


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("films")
    said = film(folder / "said.mp4", 8, spoken(after_s=3.0))
    damaged, cut = folder / "damaged.mp4", folder / "cut.mp4"
    data = bytearray(said.read_bytes())
    cut.write_bytes(bytes(data[: len(data) // 2]))
    media = data.index(b"mdat")
    track = slice(media + (data.index(b"moov") - media) // 2, data.index(b"moov"))
    data[track] = bytes(255 for _ in data[track])
    damaged.write_bytes(bytes(data))
    films = [
        said, damaged, cut, film(folder / "mute.mp4", 2, None),
        film(folder / "silent.mp4", 4, np.zeros(4 * 44_100, np.int16)),
        film(folder / "music.mp4", 6, tone(6.0)),
        film(folder / "backwards.mp4", 5, spoken()[::-1]),
        write_silence(folder / "hours.mkv", 20),
    ]  # fmt: skip
    engine = loaded(SpeechSpec())
    heard = list_heard(engine)
    yield annotated(engine, *films), heard
    engine.close()


def list_heard(engine: VideoAnnotator) -> list[int]:
    """The length of each window, in samples, as the model is given it."""
    lengths, transcribe = [], engine.annotator.transcribe

    def listen(samples: np.ndarray) -> list[Sentence]:
        lengths.append(len(samples))
        return transcribe(samples)

    engine.annotator.transcribe = listen
    return lengths


@pytest.fixture
def outcomes(made):
    return made[0]


def test_a_spoken_sentence_is_written_down_with_its_times(outcomes) -> None:
    [text] = outcomes["said"].value.texts
    assert "red circle" in text.text.casefold() and "tuesday" in text.text.casefold()
    assert 2.0 < text.start < 4.0 < text.end <= 8.0
    assert text.language == "en" and 0 < text.score <= 1


@pytest.mark.parametrize(
    ("name", "result"),
    [("mute", speech.NO_TRACK), ("silent", speech.NO_SPEECH), ("music", speech.NO_SPEECH)],
)
def test_no_track_and_no_speech_are_results(outcomes, name: str, result: str) -> None:
    assert isinstance(outcomes[name], Done)
    assert (outcomes[name].value.texts, outcomes[name].value.result) == ((), result)


def test_hours_of_silence_are_heard_a_window_at_a_time_and_have_a_result(made) -> None:
    outcomes, heard = made
    assert outcomes["hours"].value == Annotation((), speech.NO_SPEECH, ANY)
    windows = [length for length in heard if length > 100 * RATE]  # the other films are short
    assert sum(windows) == 20 * 60 * RATE and len(windows) == 4
    assert max(windows) <= (WINDOW_S + 30) * RATE


def test_what_is_in_no_language_costs_no_failure_and_no_endless_text(outcomes) -> None:
    found = outcomes["backwards"].value
    assert found.result in ("text", speech.NO_SPEECH)
    assert all(0 <= text.start < text.end <= 5.1 for text in found.texts)
    assert sum(len(text.text) for text in found.texts) < 400


@pytest.mark.parametrize("language", ["de", "klingon"])
def test_a_language_that_the_model_does_not_know_is_refused(language: str) -> None:
    with pytest.raises(UserError, match="does not know"):
        loaded(SpeechSpec(language=language))


@pytest.mark.parametrize("name", ["damaged", "cut"])
def test_sound_that_is_broken_is_a_typed_failure(outcomes, name: str) -> None:
    assert isinstance(outcomes[name], Failed)
    assert outcomes[name].reason == "undecodable"


def test_hours_of_sound_are_held_a_window_at_a_time() -> None:
    windows, longest, seconds = SoundWindows(), 0, 0.0
    block = np.zeros(30 * RATE, np.int16)
    for number in range(240):  # two hours
        for start, samples in windows.add(Sound(30.0 * number, block)):
            assert start == pytest.approx(seconds)
            seconds += len(samples) / RATE
            longest = max(longest, len(samples))
    [(start, rest)] = windows.finish()
    assert start == pytest.approx(seconds) and seconds + len(rest) / RATE == pytest.approx(7200)
    assert longest <= (WINDOW_S + 30) * RATE


def test_a_window_ends_where_it_is_quiet_and_a_hole_ends_it_too() -> None:
    loud = np.random.default_rng(0).integers(-9000, 9000, 60 * RATE).astype(np.int16)
    loud[50 * RATE : 51 * RATE] = 0
    assert 50 * RATE <= find_quiet_cut(loud) <= 51 * RATE
    windows = SoundWindows()
    assert windows.add(Sound(0.0, loud)) == []
    [(start, samples)] = windows.add(Sound(500.0, loud))
    assert (start, len(samples)) == (0.0, len(loud))
    assert windows.finish()[0][0] == 500.0


def test_weights_are_never_silently_others(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(UserError, match="tiny"):
        whisper_weights.find_weights("tinny")
    with pytest.raises(UserError, match="CTranslate2"):
        whisper_weights.find_weights(str(tmp_path))
    monkeypatch.setattr(
        "faster_whisper.utils.download_model", lambda *_, **__: (_ for _ in ()).throw(OSError())
    )
    with pytest.raises(UserError, match="--speech-model"):
        whisper_weights.find_weights("small")


def test_the_digest_follows_the_weights_and_not_their_path(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for file in ("config.json", "model.bin", "vocabulary.json"):
            (tmp_path / name / file).write_text(file)
    first, second = (speech.digest(SpeechSpec(weights=str(tmp_path / n))) for n in "ab")
    assert first == second
    (tmp_path / "b" / "model.bin").write_text("another")
    assert speech.digest(SpeechSpec(weights=str(tmp_path / "b"))) != first
