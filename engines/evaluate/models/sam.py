"""Segment Anything (Kirillov et al. 2023): the mask of what a box holds; ViT-B, or of any size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.batches import batched
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.vision import checkpoint
from engines.evaluate.vision.device import device, exactly
from engines.evaluate.vision.images import bilinear
from engines.evaluate.vision.sam_names import config, for_transformers

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import SamModel

FILE = "sam_vit_b_01ec64.pth"
FETCH = f"curl -LO https://dl.fbaipublicfiles.com/segment_anything/{FILE}"
CHUNK = 4  # frames at once: always, as the last bits hang on it
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def load(spec: EvaluateSpec, file: str) -> "Segmenter":
    """The segmenter of published weights; a UserError where the file holds others."""
    from transformers import SamModel
    from transformers.initialization import no_init_weights

    weights, of = checkpoint.read(file), f"SAM ({file})"
    with no_init_weights():  # the file's take their place
        net = SamModel(config(checkpoint.Shapes(weights, of)))
    return Segmenter(checkpoint.load(net, for_transformers(weights), of))


@dataclass(frozen=True, slots=True)
class Segmenter:
    """SAM asked with boxes for one mask each."""

    net: "SamModel"

    def masks(
        self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(n, H, W) bool masks and (n,) float32 predicted IoUs, for each of the frames.

        Frames are (H, W, 3) RGB bytes of one size; the n boxes of each, at least one, are
        (n, 4): left, top, right, bottom in pixels, which may lie beyond the frame.
        """
        for chunk in batched(zip(frames, boxes, strict=True), CHUNK):
            yield from self._chunk([frame for frame, _ in chunk], [asked for _, asked in chunk])

    def _chunk(
        self, frames: list[np.ndarray], boxes: list[np.ndarray]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        with exactly():
            embedded = self.net.get_image_embeddings(self._shown(frames))
            return [
                self._masks(one[None], asked, frames[0].shape[:2])
                for one, asked in zip(embedded, boxes, strict=True)
            ]

    @property
    def side(self) -> int:
        """The side of the square that the network looks at, in pixels."""
        return self.net.config.vision_config.image_size

    def _shown(self, frames: list[np.ndarray]) -> "Tensor":
        """(n, 3, side, side): fitted, normalised, then zeros on the right and below."""
        import torch
        from torch.nn.functional import pad

        height, width = fitted(frames[0].shape[:2], self.side)
        small = [bilinear(frame, height, width) for frame in frames]
        seen = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (MEAN, STD))
        shown = pad((seen - mean) / std, (0, self.side - width, 0, self.side - height))
        return shown.to(device())

    def _masks(
        self, embedded: "Tensor", boxes: np.ndarray, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        import torch
        from torch.nn.functional import interpolate

        height, width = fitted(size, self.side)
        scaled = boxes * np.tile([width / size[1], height / size[0]], 2)
        asked = torch.from_numpy(scaled).to(device(), torch.float32)
        said = self.net(image_embeddings=embedded, input_boxes=asked[None], multimask_output=False)
        masks = interpolate(said.pred_masks[0], (self.side, self.side), mode="bilinear")
        masks = interpolate(masks[..., :height, :width], size, mode="bilinear")[:, 0] > 0
        return masks.cpu().numpy(), said.iou_scores[0, :, 0].cpu().numpy()


def fitted(size: tuple[int, ...], side: int) -> tuple[int, int]:
    """The height and width of a frame, once its longer side has become `side`."""
    scale = side / max(size)
    return int(size[0] * scale + 0.5), int(size[1] * scale + 0.5)
