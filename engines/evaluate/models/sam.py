"""Segment Anything (Kirillov et al. 2023): the mask of the thing in a box; ViT-B or other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.batches import iter_batches
from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.device import deterministic_inference, pick_device
from engines.evaluate.vision.images import resize_bilinear
from engines.evaluate.vision.sam_names import build_config, to_transformers_keys

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import SamModel

FILE = "sam_vit_b_01ec64.pth"
FETCH = f"curl -LO https://dl.fbaipublicfiles.com/segment_anything/{FILE}"
CHUNK = 4  # frames per forward pass; fixed, as the last bits depend on it
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def load(spec: EvaluateSpec, file: str) -> "Segmenter":
    """The segmenter with published weights; raises UserError if they are another model's."""
    from transformers import SamModel
    from transformers.initialization import no_init_weights

    weights, label = checkpoint.read_weights(file), f"SAM ({file})"
    with no_init_weights():  # the file's weights overwrite them anyway
        net = SamModel(build_config(checkpoint.WeightShapes(weights, label)))
    return Segmenter(checkpoint.load_weights(net, to_transformers_keys(weights), label))


@dataclass(frozen=True, slots=True)
class Segmenter:
    """Predicts one mask for each box prompt."""

    net: "SamModel"

    def predict_masks(
        self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields (n, H, W) bool masks and (n,) float32 predicted IoUs for each frame.

        Frames are (H, W, 3) RGB bytes of one size; a frame's n boxes, at least one, are (n, 4):
        left, top, right, bottom in pixels, which may lie beyond the frame.
        """
        for chunk in iter_batches(zip(frames, boxes, strict=True), CHUNK):
            chunk_frames, chunk_boxes = zip(*chunk, strict=True)
            yield from self._predict_chunk(list(chunk_frames), list(chunk_boxes))

    def _predict_chunk(
        self, frames: list[np.ndarray], boxes: list[np.ndarray]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        with deterministic_inference():
            embeddings = self.net.get_image_embeddings(self._preprocess_frames(frames))
            # Frame by frame: their numbers of boxes differ.
            return [
                self._predict_frame(embedding[None], frame_boxes, frames[0].shape[:2])
                for embedding, frame_boxes in zip(embeddings, boxes, strict=True)
            ]

    @property
    def side(self) -> int:
        """The side of the network's square input in pixels."""
        return self.net.config.vision_config.image_size

    def _preprocess_frames(self, frames: list[np.ndarray]) -> "Tensor":
        """(n, 3, side, side): resized, normalised, then zero-padded on the right and below."""
        import torch
        from torch.nn.functional import pad

        height, width = fit_size(frames[0].shape[:2], self.side)
        small = [resize_bilinear(frame, height, width) for frame in frames]
        pixels = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (MEAN, STD))
        # Padded after normalising, as published: the padding is the mean colour, not black.
        padded = pad((pixels - mean) / std, (0, self.side - width, 0, self.side - height))
        return padded.to(pick_device())

    def _predict_frame(
        self, embedding: "Tensor", boxes: np.ndarray, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n, H, W) masks and (n,) predicted IoUs of one frame of that (height, width)."""
        import torch
        from torch.nn.functional import interpolate

        height, width = fit_size(size, self.side)
        scaled = boxes * np.tile([width / size[1], height / size[0]], 2)
        prompts = torch.from_numpy(scaled).to(pick_device(), torch.float32)[None]
        output = self.net(image_embeddings=embedding, input_boxes=prompts, multimask_output=False)
        # Two bilinear steps, as SAM's own code: to the padded square, then to the frame's size.
        masks = interpolate(output.pred_masks[0], (self.side, self.side), mode="bilinear")
        masks = interpolate(masks[..., :height, :width], size, mode="bilinear")[:, 0] > 0
        return masks.cpu().numpy(), output.iou_scores[0, :, 0].cpu().numpy()


def fit_size(size: tuple[int, ...], side: int) -> tuple[int, int]:
    """The height and width of a frame resized to a longer side of `side`, halves rounded up."""
    scale = side / max(size)
    return int(size[0] * scale + 0.5), int(size[1] * scale + 0.5)
