"""YOLOv9-C (Wang et al. 2024) trained on faces: the most confident face of each frame."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data.batches import iter_batches
from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.device import deterministic_inference, pick_device

if TYPE_CHECKING:
    from engines.nets.yolov9 import YoloV9C

FILE = "best.safetensors"
FETCH = (
    "download best.pt of https://github.com/spacewalk01/yolov9-face-detection, then run"
    f" `reelflow convert-checkpoint best.pt {FILE}`"
)
SIDE, STEP, GREY = 640, 32, 114
MIN_SCORE = 0.2
CHUNK = 8  # frames per forward pass; fixed, as the last bits depend on it


class Box(NamedTuple):
    """A box in whole pixels of a frame: from x0, y0 up to but not including x1, y1."""

    x0: int
    y0: int
    x1: int
    y1: int


class FaceDetector:
    """Detects faces in video frames.

    The published evaluation passes BGR frames (`face_channel_order` bgr) and reads the auxiliary
    head (`face_head` aux), both by mistake; the spec chooses.
    """

    def __init__(self, model: "YoloV9C", spec: EvaluateSpec) -> None:
        self._model, self._spec = model, spec

    def detect(self, frames: Sequence[np.ndarray]) -> list[Box | None]:
        """The best-scoring face box of each frame, clipped to it; None without a score above 0.2.

        Frames are (H, W, 3) uint8 RGB of one size.
        """
        return [box for chunk in iter_batches(frames, CHUNK) for box in self._detect_chunk(chunk)]

    def _detect_chunk(self, frames: list[np.ndarray]) -> list[Box | None]:
        import torch

        boxed = np.stack([letterbox_frame(frame) for frame in frames])
        if self._spec.face_channel_order == "bgr":
            boxed = boxed[..., ::-1]
        with deterministic_inference():
            pixels = torch.from_numpy(boxed.transpose(0, 3, 1, 2).copy()).to(pick_device()) / 255
            boxes, scores = self._model(pixels, self._spec.face_head)
            # No non-maximum suppression: it always keeps the best box, the only one used here.
            top_scores, best = scores.amax(dim=2).max(dim=1)
            top_boxes = torch.take_along_dim(boxes, best[:, None, None], dim=1)[:, 0]
        outer, inner = boxed.shape[1:3], frames[0].shape[:2]
        pairs = zip(top_boxes.cpu().numpy(), (top_scores > MIN_SCORE).tolist(), strict=True)
        return [restore_box(box, outer, inner) if sure else None for box, sure in pairs]


def load(spec: EvaluateSpec, file: str) -> FaceDetector:
    """The detector, in the width of the weights; raises UserError without an auxiliary branch."""
    from engines.nets.yolov9 import build_network

    weights, label = checkpoint.read_weights(file), f"YOLOv9-C with its auxiliary branch ({file})"
    return FaceDetector(
        checkpoint.load_weights(
            build_network(checkpoint.WeightShapes(weights, label)), weights, label
        ),
        spec,
    )


def letterbox_frame(frame: np.ndarray) -> np.ndarray:
    """The frame resized to a longer side of 640, on grey, padded to multiples of 32."""
    import cv2

    height, width = frame.shape[:2]
    scale = min(SIDE / height, SIDE / width)
    tall, wide = round(height * scale), round(width * scale)
    if (tall, wide) != (height, width):
        frame = cv2.resize(frame, (wide, tall), interpolation=cv2.INTER_LINEAR)
    down, across = -tall % STEP, -wide % STEP
    # YOLO's own rounding: an odd pixel of padding goes below and to the right.
    top, left = round(down / 2 - 0.1), round(across / 2 - 0.1)
    boxed = np.full((tall + down, wide + across, 3), GREY, np.uint8)
    boxed[top : top + tall, left : left + wide] = frame
    return boxed


def restore_box(box: np.ndarray, boxed: tuple[int, ...], frame: tuple[int, ...]) -> Box:
    """Maps a box in the letterbox (height, width) to the frame (height, width), clipped to it."""
    scale = min(boxed[0] / frame[0], boxed[1] / frame[1])
    pad = (boxed[1] - frame[1] * scale) / 2, (boxed[0] - frame[0] * scale) / 2
    corners = (box - np.array([*pad, *pad], np.float32)) / np.float32(scale)
    height, width = frame
    whole = np.rint(np.clip(corners, 0, [width, height, width, height]))
    return Box(*(int(each) for each in whole))
