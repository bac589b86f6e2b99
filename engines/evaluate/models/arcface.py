"""ArcFace (Deng et al. 2019): face identity vectors, by IResNet-100 or another size."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.evaluate.vision.encoder import Encoder

FILE = "backbone.pth"
FETCH = (
    "download IResNet-100's backbone.pth from the model zoo of"
    " https://github.com/deepinsight/insightface/tree/master/recognition/arcface_torch"
)
HALF = (0.5, 0.5, 0.5)


def load(spec: EvaluateSpec, file: str) -> Encoder:
    """The encoder of face crops: (512,) vectors with the published weights.

    A crop is resized bilinearly to 112 x 112, whatever its aspect, and scaled to [-1, 1]. As in
    the published evaluation, faces are not aligned.
    """
    from engines.nets.iresnet import IResNet, read_sizes

    weights, label = checkpoint.read_weights(file), f"ArcFace's IResNet ({file})"
    model = checkpoint.load_weights(
        IResNet(read_sizes(checkpoint.WeightShapes(weights, label))), weights, label
    )
    side = model.side
    return Encoder(
        model, lambda crop: resize_crop(crop, side), HALF, HALF, model.features.num_features
    )


def resize_crop(crop: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3) uint8 of a crop (h, w, 3), by OpenCV's bilinear resize, not antialiased."""
    import cv2

    return cv2.resize(np.ascontiguousarray(crop), (side, side), interpolation=cv2.INTER_LINEAR)
