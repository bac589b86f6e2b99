"""Captions say what is there, in many ways; the held-out wording stays out of them."""

import numpy as np

from engines.tiny import wording
from engines.tiny.corpus import ATTRIBUTES, build_row, held_out_prompts
from engines.tiny.scene import HELD_OUT

ROWS = [build_row(0, index) for index in range(1000)]
TABLES = {"shape": wording.NOUNS, "colour": wording.ADJECTIVES, "background": wording.BACKDROPS}


def names(text: str, attribute: str, value: str) -> bool:
    """Whether a text names an attribute's value by one of its words."""
    return any(words in text for words in TABLES[attribute][value])


def test_captions_name_the_attributes() -> None:
    """Shape and colour always, the background in nine of ten, motion and size now and then."""
    assert all(names(r["txt"], a, r[a]) for r in ROWS for a in ("shape", "colour"))
    assert 0.9 < np.mean([names(r["txt"], "background", r["background"]) for r in ROWS]) < 1
    for attribute, table in (("size", wording.SIZED), ("motion", wording.GOING)):
        said = [any(words in r["txt"] for words in table[r[attribute]]) for r in ROWS]
        assert 0.2 < np.mean(said) < 0.8


def test_captions_vary() -> None:
    """Nearly every caption of a thousand is its own."""
    assert len({r["txt"] for r in ROWS}) > 900


def test_a_phrase_knows_what_it_says() -> None:
    """A part that the template leaves out is not among its attributes."""
    rng, parts = np.random.default_rng(0), {a: ROWS[0][a] for a in ATTRIBUTES}
    named = wording.write_phrase(rng, ("something {adjective} on {backdrop}",), parts).attributes
    assert named == {"colour", "background"}
    sizes = {"size" in wording.write_phrase(rng, ("{bare}",), parts).attributes for _ in range(20)}
    assert sizes == {True, False}


def test_prompts_ask_for_held_out_combinations() -> None:
    """Every prompt names all three attributes of a combination that training never shows."""
    prompts = held_out_prompts(40)
    assert len(prompts) == 40 and prompts == held_out_prompts(40)
    for text, asked in prompts:
        assert tuple(asked[name] for name in TABLES) in HELD_OUT
        assert all(names(text, attribute, value) for attribute, value in asked.items())


def test_half_of_the_prompts_are_worded_as_no_caption_is() -> None:
    """The unseen templates open in ways that no training template does."""
    assert not set(wording.UNSEEN) & {*wording.TRAINING, *wording.PARTIAL}
    known = set(" ".join(wording.list_vocabulary()).split())
    strange = [set(text.replace(",", " ").split()) - known for text, _ in held_out_prompts(40)]
    assert sum(map(bool, strange)) >= 16
