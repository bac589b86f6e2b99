"""Which of eight ways the shape of a clip goes."""

import numpy as np

from engines.tiny.i2v.training_set import name_heading
from engines.tiny.judge import classify_motion
from engines.tiny.tracker import track_shape

STILL = "still"


def find_motion(clip: np.ndarray) -> str | None:
    """The compass's name of the way a shape goes in (n, height, width, 3) bytes, or "still".

    None where it is not seen at the beginning or the end.
    """
    track = track_shape(clip)
    if not (track.visible[0] and track.visible[-2:].any()):
        return None
    if classify_motion(track) == STILL:
        return STILL
    path = track.centres[track.visible]
    return name_heading(path[-1] - path[0])
