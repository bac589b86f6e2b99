"""ArcFace (Deng et al. 2019): whose face a picture shows, as a vector; IResNet-100 or other."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.vision import checkpoint
from engines.evaluate.vision.encoder import Encoder

FILE = "backbone.pth"
FETCH = (
    "take IResNet-100's backbone.pth from the model zoo of"
    " https://github.com/deepinsight/insightface/tree/master/recognition/arcface_torch"
)
HALF = (0.5, 0.5, 0.5)


def load(spec: EvaluateSpec, file: str) -> Encoder:
    """The encoder of face crops, (512,) of the published size; faces are not aligned.

    A crop is resized to 112 x 112, bilinearly and whatever its aspect, and scaled to [-1, 1].
    """
    from engines.nets.iresnet import IResNet, sizes

    weights, of = checkpoint.read(file), f"ArcFace's IResNet ({file})"
    model = checkpoint.load(IResNet(sizes(checkpoint.Shapes(weights, of))), weights, of)
    side = model.side
    return Encoder(
        model, lambda crop: squeezed(crop, side), HALF, HALF, model.features.num_features
    )


def squeezed(crop: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3) uint8 of a crop (h, w, 3), as OpenCV resizes bilinearly."""
    import cv2

    return cv2.resize(np.ascontiguousarray(crop), (side, side), interpolation=cv2.INTER_LINEAR)
