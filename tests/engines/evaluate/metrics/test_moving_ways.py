"""The metric of shapes that go eight ways, on clips whose way is known."""

import numpy as np
import pytest

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics.moving_ways import Metric
from engines.evaluate.protocol import Sample
from engines.evaluate.vision.registry import ModelRegistry
from engines.tiny.i2v.training_set import COMPASS, draw_clip, draw_moving_scene

SPEC = EvaluateSpec(metrics=("moving_ways",))


@pytest.mark.parametrize("motion", COMPASS)
def test_a_shape_goes_one_way_of_eight_and_no_other(motion: str) -> None:
    scene = draw_moving_scene(np.random.default_rng(3), motions=(motion,))
    clip, metric = draw_clip(scene), Metric(SPEC, ModelRegistry(SPEC))
    row = {"motion": motion, "shape": scene.shape, "colour": scene.colour}
    assert {k: s.value for k, s in metric.score(Sample(clip, 4.0, row)).items()} == {
        "heading": 1.0, "appearance": 1.0,
    }  # fmt: skip
    turned = metric.score(Sample(clip[::-1], 4.0, row))
    assert turned["heading"].value == 0.0 and f"instead of {motion}" in turned["heading"].reason
    assert turned["appearance"].value == 1.0, "it looks the same"
    still = metric.score(Sample(np.repeat(clip[:1], 8, axis=0), 4.0, row))
    assert still["heading"].reason == f"still instead of {motion}"
