"""The pictures and the sound of a talking film."""

from collections.abc import Iterator

import numpy as np

from engines.tiny.render import render_frames
from engines.tiny.scene import FPS
from engines.tiny.talking.film import HZ, draw_text
from engines.tiny.talking.plan import CARD_S, MOVING_S, SIDE, Chapter, Film
from engines.tiny.talking.voice import speak

PAPER = (40, 44, 52)
LEFT, LINE, TEXT_SCALE = 8, SIDE // 2, 0.5


def draw_pictures(film: Film) -> Iterator[np.ndarray]:
    """The film's pictures, as (256, 256, 3) uint8 RGB."""
    at = 0
    for chapter in film.chapters:
        until = round(chapter.end * film.fps)
        yield from _draw_chapter(chapter, np.arange(at, until) / film.fps, film.fps)
        at = until


def _draw_chapter(chapter: Chapter, times: np.ndarray, fps: int) -> Iterator[np.ndarray]:
    # Scenes are drawn at 25 pictures a second, of which a film shows a few.
    moving = render_frames(chapter.scene, np.arange(round(MOVING_S * fps)) * FPS // fps)
    card = draw_card(chapter.card)
    for number, second in enumerate(times):
        if chapter.card_at <= second < chapter.card_at + CARD_S:
            yield card
        else:
            yield moving[min(number, len(moving) - 1)]


def draw_card(text: str) -> np.ndarray:
    """A dark picture with a line of text."""
    card = np.full((SIDE, SIDE, 3), PAPER, np.uint8)
    draw_text(card, text, (LEFT, LINE), TEXT_SCALE)
    return card


def speak_film(film: Film) -> np.ndarray:
    """The film's sound: its sentences, and silence between them; (n,) int16 at `HZ`."""
    sound = np.zeros(round(film.seconds * HZ), np.int16)
    for chapter in film.chapters:
        spoken, start = speak(chapter.sentence, HZ), round(chapter.spoken_at * HZ)
        sound[start : start + len(spoken)] = spoken[: len(sound) - start]
    return sound
