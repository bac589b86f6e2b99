"""Grounding DINO (Liu et al. 2023): detects the things that a text names; Swin-T or other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.batches import iter_batches
from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.device import deterministic_inference, pick_device
from engines.evaluate.models import bert_vocabulary
from engines.evaluate.vision import grounding_scores
from engines.evaluate.vision.grounding_names import build_config, to_transformers_keys
from engines.evaluate.vision.images import IMAGENET, normalise_pictures, resize_bilinear
from engines.evaluate.vision.registry import explain_missing_weights

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertTokenizer, GroundingDinoForObjectDetection

FILE = "groundingdino_swint_ogc.pth"
FETCH = (
    f"curl -LO https://github.com/IDEA-Research/GroundingDINO/releases/download/v0.1.0-alpha/{FILE}"
)
SHORTER, LONGER = 800, 1333  # target and limit of a frame's sides in pixels
CHUNK = 4  # frames per forward pass; fixed, as the last bits depend on it


def load(spec: EvaluateSpec, file: str) -> "Detector":
    """The detector with published weights and the vocabulary that the spec names.

    Raises UserError without the vocabulary, or if the file has another model's weights.
    """
    if reason := explain_missing_weights(spec, "bert_vocabulary"):
        raise UserError(reason)
    vocabulary = bert_vocabulary.load(spec, spec.weights["bert_vocabulary"])
    weights, label = checkpoint.read_weights(file), f"Grounding DINO ({file})"
    net = build_network(checkpoint.WeightShapes(weights, label))
    if len(vocabulary) > net.config.text_config.vocab_size:
        raise UserError(
            f"the vocabulary has {len(vocabulary)} words, but {file} knows"
            f" {net.config.text_config.vocab_size}: {bert_vocabulary.FETCH}"
        )
    return Detector(checkpoint.load_weights(net, to_transformers_keys(weights), label), vocabulary)


def build_network(shapes: checkpoint.WeightShapes) -> "GroundingDinoForObjectDetection":
    """transformers' network in the sizes of the weights."""
    from torch import nn
    from transformers import GroundingDinoForObjectDetection
    from transformers.initialization import no_init_weights

    with no_init_weights():  # random initialisation takes 10 s and is overwritten anyway
        net = GroundingDinoForObjectDetection(build_config(shapes))
    # transformers adds a norm that no output uses and published weights lack.
    net.model.backbone.conv_encoder.model.swin.layernorm = nn.Identity()
    return net


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds the best box of each tag in each frame, with its score."""

    net: "GroundingDinoForObjectDetection"
    vocabulary: "BertTokenizer"

    def detect(
        self, frames: Sequence[np.ndarray], tags: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(T, W) scores and (T, W, 4) boxes: the best of each of W tags in each of T frames.

        Frames are (H, W, 3) RGB bytes of one size. Scores are 0 to 1, or -1 without a detection;
        boxes are centre x, y, width, height relative to the frame.
        """
        text = self.vocabulary.encode(grounding_scores.build_caption(tags))[
            : grounding_scores.MAX_TOKENS
        ]
        words = [self.vocabulary.encode(tag, add_special_tokens=False) for tag in tags]
        masks = grounding_scores.mask_tokens(words, text)
        scores, boxes = [], []
        # In chunks: all frames at once would need tens of GB of GPU memory.
        for chunk in iter_batches(frames, CHUNK):
            for probabilities, places in zip(*self._run_network(chunk, text), strict=True):
                query, score = grounding_scores.assign_queries(
                    grounding_scores.score_tags(probabilities, masks)
                )
                scores.append(score)
                boxes.append(places[query])
        return np.stack(scores), np.stack(boxes)

    def _run_network(
        self, frames: list[np.ndarray], text: list[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n, q, 256) probabilities by word piece and (n, q, 4) boxes, for n frames."""
        import torch

        with deterministic_inference():
            pixels = preprocess_frames(frames).to(pick_device())
            ids = torch.tensor([text], device=pixels.device).expand(len(frames), -1)
            mask = torch.ones_like(pixels[:, 0], dtype=torch.long)
            output = self.net(pixel_values=pixels, pixel_mask=mask, input_ids=ids)
            return output.logits.sigmoid().cpu().numpy(), output.pred_boxes.cpu().numpy()


def preprocess_frames(frames: Sequence[np.ndarray]) -> "Tensor":
    """(n, 3, h, w) input of the network: resized by Pillow's bilinear filter, normalised."""
    height, width = fit_size(*frames[0].shape[:2])
    return normalise_pictures(
        [resize_bilinear(frame, height, width) for frame in frames], *IMAGENET
    )


def fit_size(height: int, width: int) -> tuple[int, int]:
    """The input height and width of a frame: shorter side 800, longer side at most 1333.

    The longer side follows from the rounded shorter one, truncated to whole pixels (DETR's rule).
    """
    # Not transformers' image processor, which is one pixel off where the limit of 1333 applies.
    short, long = min(height, width), max(height, width)
    side = SHORTER if long / short * SHORTER <= LONGER else round(LONGER * short / long)
    other = int(side * long / short)
    return (side, other) if height <= width else (other, side)
