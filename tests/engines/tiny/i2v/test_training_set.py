from dataclasses import replace

import numpy as np
import pytest

from engines.tiny.i2v import training_set
from engines.tiny.i2v.evaluate import draw_test_scenes, judge_clips
from engines.tiny.i2v.heading import find_motion
from engines.tiny.scene import HELD_OUT, Scene


def draw(seed: int, motion: str) -> Scene:
    return training_set.draw_moving_scene(np.random.default_rng(seed), motions=(motion,))


@pytest.mark.parametrize("seed", range(12))
def test_a_first_frame_is_the_same_whichever_way_the_shape_will_move(seed: int) -> None:
    clips = [training_set.draw_clip(draw(seed, motion)) for motion in training_set.COMPASS]
    assert all((clip[0] == clips[0][0]).all() for clip in clips)
    assert len({clip[-1].tobytes() for clip in clips}) == len(clips)


def test_nor_does_it_tell_how_far() -> None:
    rng = np.random.default_rng(0)
    starts: dict[str, list] = {speed: [] for speed in training_set.TRAVEL}
    for _ in range(400):
        scene = training_set.draw_moving_scene(rng)
        starts[scene.speed].append((*scene.start, scene.size == "large"))
    slow, fast = (np.array(some) for some in starts.values())
    np.testing.assert_allclose(slow.mean(0), fast.mean(0), atol=0.12)
    np.testing.assert_allclose(slow[:, :2].std(0), fast[:, :2].std(0), atol=0.01)


def test_no_shape_reaches_a_wall() -> None:
    """Where it would turn back."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        scene = training_set.draw_moving_scene(rng, motions=training_set.COMPASS)
        way = np.array(scene.velocity) * training_set.SECONDS
        end = np.array(scene.start) + way
        assert (np.abs(end - 0.5) <= 0.5 - scene.margin + 1e-9).all()
        assert training_set.name_heading(way) == scene.motion


def test_what_is_kept_for_tests_is_in_no_training_scene() -> None:
    rng = np.random.default_rng(2)
    scenes = [training_set.draw_moving_scene(rng) for _ in range(300)]
    assert {s.motion for s in scenes} == set(training_set.MOTIONS)
    assert not {s.motion for s in scenes} & set(training_set.UNSEEN_MOTIONS)
    assert not {s.combination for s in scenes} & HELD_OUT
    assert sum(s.combination in HELD_OUT for s in draw_test_scenes(30)) == 10


def test_rendered_clips_are_judged_to_show_what_they_were_made_of() -> None:
    scenes = draw_test_scenes(48)
    found = judge_clips(scenes, [training_set.draw_clip(scene) for scene in scenes])
    assert found["appearance"] == found["moves"] == found["motion"] == 1
    assert found["evenness"] > 0.9


def test_videos_that_all_go_one_way_are_told_from_guesses() -> None:
    scenes = draw_test_scenes(24)
    one_way = [training_set.draw_clip(draw(n, "left")) for n in range(24)]
    found = judge_clips(scenes, one_way)
    assert found["moves"] == 1 and found["evenness"] == 0 and found["appearance"] < 0.5
    assert found["ways"] == {"left": 24}


def test_a_shape_that_stays_or_vanishes_does_not_move() -> None:
    clip = training_set.draw_clip(draw(0, "up"))
    assert find_motion(clip) == "up"
    assert find_motion(np.repeat(clip[:1], 8, axis=0)) == "still"
    gone = clip.copy()
    gone[-3:] = clip[0, 0, 0]
    assert find_motion(gone) is None


def test_larger_clips_show_the_same() -> None:
    scene = draw(3, "down-right")
    large = training_set.draw_clip(replace(scene, pixels=64))
    assert large.shape == (8, 64, 64, 3) and find_motion(large) == "down-right"
