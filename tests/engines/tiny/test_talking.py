"""The corpus of talking shapes: the same for a seed, and each question has one source."""

from pathlib import Path

import numpy as np
import pytest

from engines.tiny.talking import corpus, voice
from engines.tiny.talking.corpus import plan_films, write_talking
from engines.tiny.talking.film import HZ
from engines.tiny.talking.pictures import draw_pictures, speak_film
from engines.tiny.talking.plan import CARD_S, LENGTHS, MOVING_S, SIDE, plan_film
from engines.tiny.talking.questions import build_entry
from engines.video.probe import probe_video

TINY = {"short": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talking")
    write_talking(folder, TINY, workers=1)
    return folder


def test_a_film_is_the_same_whatever_else_is_made(folder: Path, tmp_path: Path) -> None:
    write_talking(tmp_path, {"short": 1, "medium": 0}, workers=1)
    name = "videos/talk-0-000.mp4"
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    assert plan_film(1, 0, "short") != plan_film(0, 0, "short")


def test_films_have_the_lengths_and_the_sound_that_are_said(folder: Path) -> None:
    for film in plan_films(TINY, 0):
        probe = probe_video(str(folder / "videos" / f"{film.name}.mp4"))
        assert probe.duration == pytest.approx(film.seconds, abs=1)
    assert len(plan_films(corpus.COUNTS, 0)) * 6 >= 200
    for film in plan_films(corpus.COUNTS, 0):
        assert LENGTHS[film.length][0][0] <= film.seconds <= LENGTHS[film.length][0][1]


def test_what_is_missing_is_made_again_and_nothing_else(folder: Path) -> None:
    first, second = sorted((folder / "videos").iterdir())
    stamp = second.stat().st_mtime_ns
    first.unlink()
    assert write_talking(folder, TINY, workers=1)["videos"] == 2
    assert first.exists() and second.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("length", ["short", "medium", "long"])
def test_facts_lie_within_their_chapter(length) -> None:
    for number in range(8):
        for each in plan_film(3, number, length).chapters:
            assert each.start < each.spoken_at < each.end - 4
            assert each.start + MOVING_S < each.card_at < each.card_at + CARD_S <= each.end
            assert each.scene.pixels == SIDE


def test_pictures_and_sound_show_what_is_planned() -> None:
    film = plan_film(0, 0, "short")
    pictures = list(draw_pictures(film))
    assert len(pictures) == round(film.seconds * film.fps)
    sound = speak_film(film)
    assert len(sound) == round(film.seconds * HZ)
    for each in film.chapters:
        spoken = sound[round(each.spoken_at * HZ) :][: 2 * HZ].astype(float)
        assert np.abs(spoken).mean() > 200
        shown, card = (pictures[round(at * film.fps)] for at in (each.start, each.card_at + 1))
        assert (card == card[0, 0]).all(2).mean() > 0.8 > 0.0 < np.ptp(shown)


def test_a_sentence_is_spoken_alike_whatever_was_said_before() -> None:
    first = voice.speak("The camera was left in the garden.", HZ)
    voice.speak("And why not?", HZ)
    assert np.array_equal(first, voice.speak("The camera was left in the garden.", HZ))


def test_each_question_is_answered_by_its_source_alone() -> None:
    film = plan_film(0, 0, "short")
    facts = {
        "speech": " ".join(each.sentence for each in film.chapters),
        "screen": " ".join(each.card for each in film.chapters),
        "pictures": " ".join(each.shape for each in film.chapters),
    }
    for question in build_entry(0, 0, film)["questions"]:
        letters = [option[0] for option in question["options"]]
        right = question["options"][letters.index(question["answer"])][3:]
        sources = {name for name, text in facts.items() if right.removeprefix("the ") in text}
        needs = {"order": {"pictures"}, "nothing": set()}
        assert sources == needs.get(question["needs"], {question["needs"]})


def test_without_a_voice_films_are_mute_and_nothing_is_asked_of_speech(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice, "find_spec", lambda name: None)
    monkeypatch.setattr(voice, "find_library", lambda name: None)
    record = write_talking(tmp_path, {"short": 1}, workers=1)
    assert record["voice"] is False and record["questions"] == 4
