"""YOLOv9-C (Wang et al. 2024) trained on faces: the surest face of each frame."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data.batches import batched
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.vision import checkpoint
from engines.evaluate.vision.device import device, exactly

if TYPE_CHECKING:
    from engines.nets.yolov9 import YoloV9C

FILE = "best.safetensors"
FETCH = (
    "take best.pt of https://github.com/spacewalk01/yolov9-face-detection, then"
    f" `reelflow convert-checkpoint best.pt {FILE}`"
)
SIDE, STEP, GREY = 640, 32, 114
SURE = 0.2
CHUNK = 8  # frames at once: always, as the last bits hang on it


class Box(NamedTuple):
    """Whole pixels of a frame: from x0, y0 up to x1, y1."""

    x0: int
    y0: int
    x1: int
    y1: int


class FaceDetector:
    """Finds faces in the frames of a video.

    The published evaluation shows it blue first (`face_channel_order` bgr) and asks the auxiliary
    head (`face_head` aux): both are as the spec says.
    """

    def __init__(self, model: "YoloV9C", spec: EvaluateSpec) -> None:
        self._model, self._spec = model, spec

    def detect(self, frames: Sequence[np.ndarray]) -> list[Box | None]:
        """The face of the highest score above 0.2 of each frame (H, W, 3) uint8 RGB, all one size.

        Boxes are cut to the frame. Overlapping ones need no suppression, which spares the surest.
        """
        return [box for chunk in batched(frames, CHUNK) for box in self._detect(chunk)]

    def _detect(self, frames: list[np.ndarray]) -> list[Box | None]:
        import torch

        shown = np.stack([letterboxed(frame) for frame in frames])
        if self._spec.face_channel_order == "bgr":
            shown = shown[..., ::-1]
        with exactly():
            pixels = torch.from_numpy(shown.transpose(0, 3, 1, 2).copy()).to(device()) / 255
            boxes, scores = self._model(pixels, self._spec.face_head)
            sure, best = scores.amax(dim=2).max(dim=1)
            surest = torch.take_along_dim(boxes, best[:, None, None], dim=1)[:, 0]
        boxed, size = shown.shape[1:3], frames[0].shape[:2]
        pairs = zip(surest.cpu().numpy(), (sure > SURE).tolist(), strict=True)
        return [restored(box, boxed, size) if there else None for box, there in pairs]


def load(spec: EvaluateSpec, file: str) -> FaceDetector:
    """The detector, its width read off the shapes; a UserError where there is no auxiliary head."""
    from engines.nets.yolov9 import architecture

    weights, of = checkpoint.read(file), f"YOLOv9-C with its auxiliary branch ({file})"
    return FaceDetector(
        checkpoint.load(architecture(checkpoint.Shapes(weights, of)), weights, of), spec
    )


def letterboxed(frame: np.ndarray) -> np.ndarray:
    """The frame with its longer side 640, on grey, its sides the next multiples of 32."""
    import cv2

    height, width = frame.shape[:2]
    scale = min(SIDE / height, SIDE / width)
    tall, wide = round(height * scale), round(width * scale)
    if (tall, wide) != (height, width):
        frame = cv2.resize(frame, (wide, tall), interpolation=cv2.INTER_LINEAR)
    down, across = -tall % STEP, -wide % STEP
    top, left = round(down / 2 - 0.1), round(across / 2 - 0.1)
    boxed = np.full((tall + down, wide + across, 3), GREY, np.uint8)
    boxed[top : top + tall, left : left + wide] = frame
    return boxed


def restored(box: np.ndarray, boxed: tuple[int, ...], frame: tuple[int, ...]) -> Box:
    """A box of the letterbox (height, width) as one of the frame (height, width), cut to it."""
    scale = min(boxed[0] / frame[0], boxed[1] / frame[1])
    pad = (boxed[1] - frame[1] * scale) / 2, (boxed[0] - frame[0] * scale) / 2
    corners = (box - np.array([*pad, *pad], np.float32)) / np.float32(scale)
    height, width = frame
    whole = np.rint(np.clip(corners, 0, [width, height, width, height]))
    return Box(*(int(each) for each in whole))
