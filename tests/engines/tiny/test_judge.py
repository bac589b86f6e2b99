import numpy as np
import pytest

from engines.tiny import judge
from engines.tiny.t2v import training_set
from engines.tiny.tracker import track_shape

BLANK = np.zeros((8, 64, 64, 3), np.uint8)


def scenes(count: int) -> list:
    rng = np.random.default_rng(0)
    shown = [training_set.draw_training_scene(rng) for _ in range(count)]
    return [(scene, training_set.draw_clip(rng, scene)) for scene in shown]


def test_rendered_clips_show_what_they_were_made_of() -> None:
    """Some bouncing clips really go round the middle within two seconds."""
    judged = [judge.judge_clip(clip, vars(scene)) for scene, clip in scenes(150)]
    assert np.mean([found["motion"][0] for found in judged]) >= 0.98
    assert np.mean([found["appearance"][0] for found in judged]) == 1


def test_a_clip_played_backwards_moves_the_other_way() -> None:
    back = {"left": "right", "right": "left", "up": "down", "down": "up"}
    some = [(s, c) for s, c in scenes(60) if s.motion in back]
    assert len(some) > 20
    for scene, clip in some:
        assert judge.classify_motion(track_shape(clip[::-1])) == back[scene.motion]


def test_what_is_wrong_is_said() -> None:
    scene, clip = scenes(1)[0]
    other = {"motion": "left" if scene.motion != "left" else "up", "colour": scene.colour}
    right, why = judge.judge_clip(clip, other)["motion"]
    assert right == 0 and scene.motion in why and other["motion"] in why
    assert judge.judge_clip(clip, other)["appearance"] == (1.0, None)


def test_a_clip_without_a_shape_shows_nothing() -> None:
    for clip in (BLANK, np.random.default_rng(0).integers(0, 256, BLANK.shape, np.uint8)):
        found = judge.judge_clip(clip, {"motion": "left"})
        assert found["motion"][0] == 0 and "0 of 8" in found["motion"][1]
        assert found["appearance"][0] == 0


def test_a_shape_that_stays_does_not_move() -> None:
    _, clip = scenes(1)[0]
    assert judge.classify_motion(track_shape(np.repeat(clip[:1], 8, axis=0))) == "still"


@pytest.mark.parametrize("noise", [0, 12])
def test_a_shape_is_found_where_it_is(noise: int) -> None:
    clip = BLANK.copy()
    clip[:, 20:36, 10:30] = (250, 135, 15)
    grain = np.random.default_rng(0).integers(0, noise + 1, clip.shape)
    seen = track_shape((clip.clip(0, 240) + grain).astype(np.uint8))
    assert seen.visible.all()
    np.testing.assert_allclose(seen.centres, np.tile([20 / 64, 28 / 64], (8, 1)), atol=0.01)
    np.testing.assert_allclose(seen.areas, 16 * 20 / 64**2, atol=0.002)
    assert judge.classify_colour(seen) == "orange" and judge.classify_shape(seen) == "square"
