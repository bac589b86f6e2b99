"""The renderer draws what the scene says, in the colours it names."""

from dataclasses import replace

import numpy as np
import pytest

from engines.tiny.render import RGB, render_background, render_frames
from engines.tiny.scene import BACKGROUNDS, COLOURS, SHAPES, Scene, scene_at, trace_path


def scene(**parts: str) -> Scene:
    """A big, upright scene with some of its parts chosen."""
    words = {"shape": "square", "colour": "red", "background": "white", "size": "large", **parts}
    return replace(scene_at(0, 4), **words, angle=0.0, tint=(0, 0, 0), motion="circling", pixels=96)


def test_any_frame_alone_equals_the_same_frame_among_others() -> None:
    """Rendering is a function of the frame's number only."""
    one, many = render_frames(scene(), np.array([7])), render_frames(scene(), np.arange(20))
    assert many.shape == (20, 96, 96, 3)
    np.testing.assert_array_equal(one[0], many[7])


@pytest.mark.parametrize("colour", COLOURS)
def test_the_shape_has_its_colour_at_its_centre(colour: str) -> None:
    """The palette is what is painted."""
    shown = scene(colour=colour)
    across, down = (trace_path(shown, np.zeros(1))[0] * 96).astype(int)
    assert tuple(render_frames(shown, np.zeros(1))[0, down, across]) == RGB[colour]


def test_shapes_differ_from_each_other_and_have_soft_edges() -> None:
    """No two shapes cover nearly the same pixels; some pixels are part covered."""
    drawn = {
        shape: render_frames(scene(shape=shape, colour="blue"), np.zeros(1))[0] for shape in SHAPES
    }
    covered = {shape: np.abs(picture.astype(int) - 244).sum(2) for shape, picture in drawn.items()}
    full = max(int(c.max()) for c in covered.values())
    for one in SHAPES:
        soft = (covered[one] > 0) & (covered[one] < full)
        assert soft.sum() > 20
        for other in SHAPES:
            both = (covered[one] > full / 2) & (covered[other] > full / 2)
            either = (covered[one] > full / 2) | (covered[other] > full / 2)
            assert one == other or both.sum() / either.sum() < 0.87


def test_backgrounds_are_grey_enough_not_to_be_taken_for_a_colour() -> None:
    """No background is as colourful as the palest shape colour, and no two are alike."""
    papers = {name: render_background(scene(background=name)).astype(int) for name in BACKGROUNDS}
    assert max(int(np.ptp(paper, axis=2).max()) for paper in papers.values()) < 60
    assert min(max(rgb) - min(rgb) for rgb in RGB.values()) > 120
    looks = {(int(p.mean()) // 8, int(p.std()) // 8) for p in papers.values()}
    assert len(looks) == len(BACKGROUNDS)
