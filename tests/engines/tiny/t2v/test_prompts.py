from collections import Counter

from engines.tiny import wording
from engines.tiny.scene import HELD_OUT, SPEEDS
from engines.tiny.t2v import prompts, training_set, words


def test_prompts_name_motions_that_no_training_caption_names() -> None:
    rows = prompts.build_prompts(60)
    assert Counter(row["motion"] for row in rows) == dict.fromkeys(training_set.UNNAMED_MOTIONS, 20)
    captions = " ".join(words.draw_captions(0))
    for row in rows:
        said = [going for going in wording.GOING[row["motion"]] if going in row["prompt"]]
        assert said and not any(going in captions for going in said)
        assert row["where"] == f"motion = '{row['motion']}' and speed = '{row['speed']}'"


def test_prompts_of_taught_words_have_no_other() -> None:
    rows = prompts.build_prompts(60, motions=training_set.NAMED_MOTIONS)
    assert {row["motion"] for row in rows} == {*training_set.NAMED_MOTIONS}
    captions = {word for text in words.draw_captions(0) for word in text.split()}
    assert {word for row in rows for word in row["prompt"].split()} <= captions


def test_a_third_of_them_ask_for_what_no_training_clip_shows() -> None:
    looks = [(r["shape"], r["colour"], r["background"]) for r in prompts.build_prompts(60)]
    assert sum(look in HELD_OUT for look in looks) >= 20
    assert not HELD_OUT & set(training_set.TRAINED_ON)


def test_what_no_training_clip_shows_is_asked_for_with_every_motion_and_speed() -> None:
    """By the same remainder of the index as the motions, all of them asked for one motion."""
    rows = prompts.build_prompts(180)
    held_out = [r for r in rows if (r["shape"], r["colour"], r["background"]) in HELD_OUT]
    for name, values in (("motion", training_set.UNNAMED_MOTIONS), ("speed", SPEEDS)):
        counts = Counter(row[name] for row in held_out)
        assert set(counts) == set(values)
        assert min(counts.values()) > len(held_out) / len(values) * 0.6


def test_they_are_the_same_for_everyone() -> None:
    assert (
        prompts.build_prompts(6, seed=3)
        == prompts.build_prompts(6, seed=3)
        != prompts.build_prompts(6, seed=4)
    )
