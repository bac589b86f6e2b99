from collections import Counter

from engines.tiny import wording
from engines.tiny.scene import HELD_OUT
from engines.tiny.t2v import prompts, training_set, words


def test_prompts_name_motions_that_no_training_caption_names() -> None:
    rows = prompts.build_prompts(60)
    assert Counter(row["motion"] for row in rows) == dict.fromkeys(training_set.UNNAMED_MOTIONS, 20)
    captions = " ".join(words.draw_captions(0))
    for row in rows:
        said = [going for going in wording.GOING[row["motion"]] if going in row["prompt"]]
        assert said and not any(going in captions for going in said)
        assert row["where"] == f"motion = '{row['motion']}' and speed = '{row['speed']}'"


def test_a_third_of_them_ask_for_what_no_training_clip_shows() -> None:
    looks = [(r["shape"], r["colour"], r["background"]) for r in prompts.build_prompts(60)]
    assert sum(look in HELD_OUT for look in looks) >= 20
    assert not HELD_OUT & set(training_set.TRAINED_ON)


def test_they_are_the_same_for_everyone() -> None:
    assert (
        prompts.build_prompts(6, seed=3)
        == prompts.build_prompts(6, seed=3)
        != prompts.build_prompts(6, seed=4)
    )
