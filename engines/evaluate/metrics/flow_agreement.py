"""Does a video move as its real clip does? By classical optical flow: no network is involved."""

import itertools

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.evaluate.vision.images import resize_bilinear
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Flow agreement"
MODELS = ()
SIDE = 128  # of the frames that are compared: larger ones only cost time
STILL = 0.05  # pixels a frame, root mean square: less is noise, and has no direction


class Metric:
    """The cosine of both videos' flow fields: <f, g> / (|f| |g|) over all pixels and frame pairs.

    1 where everything moves as in the real clip, 0 where nothing does, -1 where it moves against
    it. Farnebäck's flow (2003), which shares nothing with the networks that condition motion.
    """

    better = {"flow_agreement": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """The cosine; None for one frame, or a real clip that stands still."""
        if len(video.frames) < 2:
            return {"flow_agreement": Score(None, "one frame: motion needs two")}
        try:
            real = compute_flow(video.ground_truth.video_frames())
        except MissingReference as missing:
            return {"flow_agreement": Score(None, str(missing))}
        mine = compute_flow(video.frames)
        # A direction is compared: of a clip that stands still there is none.
        if np.sqrt((real**2).sum(-1).mean()) < STILL:
            return {"flow_agreement": Score(None, "the real clip stands still")}
        lengths = np.linalg.norm(real) * np.linalg.norm(mine)
        agreement = float((real * mine).sum() / lengths) if lengths else 0.0
        return {"flow_agreement": Score(agreement)}


def compute_flow(frames: np.ndarray) -> np.ndarray:
    """(pairs, h, w, 2) float64 flow in pixels, of frames (n, H, W, 3) at a shorter side of 128."""
    import cv2

    height, width = frames.shape[1:3]
    ratio = SIDE / min(height, width)
    size = round(height * ratio), round(width * ratio)
    grey = [cv2.cvtColor(resize_bilinear(frame, *size), cv2.COLOR_RGB2GRAY) for frame in frames]
    # Pyramid of 3 halvings, windows of 15: as OpenCV's own example has them.
    flows = [
        cv2.calcOpticalFlowFarneback(
            a, b, np.zeros((*size, 2), np.float32), 0.5, 3, 15, 3, 5, 1.2, 0
        )
        for a, b in itertools.pairwise(grey)
    ]
    return np.stack(flows).astype(np.float64)
