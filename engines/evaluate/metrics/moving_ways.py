"""Accuracy on shapes that go eight ways: does the shape go, and look, as its prompt row says.

Exact for plain backgrounds.
"""

from collections.abc import Mapping
from typing import ClassVar

from engines.evaluate.metrics import moving_shapes
from engines.evaluate.protocol import Sample
from engines.tiny.i2v.heading import find_motion

VERSION, LABEL = "1", "Eight ways"
MODELS, COLUMNS = moving_shapes.MODELS, moving_shapes.COLUMNS


class Metric(moving_shapes.Metric):
    """Heading and appearance (shape and colour) of each video, right (1) or wrong (0)."""

    better: ClassVar = {"heading": "higher", "appearance": "higher"}

    def _judge(self, video: Sample) -> Mapping[str, tuple[float, str | None]]:
        way, wanted = find_motion(video.frames) or "nothing seen", video.prompt_row["motion"]
        heading = (1.0, None) if way == wanted else (0.0, f"{way} instead of {wanted}")
        return {"heading": heading, "appearance": super()._judge(video)["appearance"]}
