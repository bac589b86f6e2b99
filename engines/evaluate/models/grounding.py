"""Grounding DINO (Liu et al. 2023): where the things of a text are; Swin-T, or of any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.batches import batched
from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models import bert_vocabulary
from engines.evaluate.vision import checkpoint, grounding_scores
from engines.evaluate.vision.device import device, exactly
from engines.evaluate.vision.grounding_names import config, for_transformers
from engines.evaluate.vision.images import IMAGENET, bilinear, normalised
from engines.evaluate.vision.registry import absent

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertTokenizer, GroundingDinoForObjectDetection

FILE = "groundingdino_swint_ogc.pth"
FETCH = (
    f"curl -LO https://github.com/IDEA-Research/GroundingDINO/releases/download/v0.1.0-alpha/{FILE}"
)
SHORTER, LONGER = 800, 1333  # pixels of a frame's sides
CHUNK = 4  # frames at once: always, as the last bits hang on it


def load(spec: EvaluateSpec, file: str) -> "Detector":
    """The detector of published weights, with the vocabulary that the spec names.

    A UserError without the vocabulary, or where the file holds other weights.
    """
    if said := absent(spec, "bert_vocabulary"):
        raise UserError(said)
    vocabulary = bert_vocabulary.load(spec, spec.weights["bert_vocabulary"])
    weights, of = checkpoint.read(file), f"Grounding DINO ({file})"
    net = architecture(checkpoint.Shapes(weights, of))
    if len(vocabulary) > net.config.text_config.vocab_size:
        raise UserError(
            f"the vocabulary has {len(vocabulary)} words, {file} knows"
            f" {net.config.text_config.vocab_size}: {bert_vocabulary.FETCH}"
        )
    return Detector(checkpoint.load(net, for_transformers(weights), of), vocabulary)


def architecture(shapes: checkpoint.Shapes) -> "GroundingDinoForObjectDetection":
    """The network of the sizes that the weights have, less a norm that no output goes through."""
    from torch import nn
    from transformers import GroundingDinoForObjectDetection
    from transformers.initialization import no_init_weights

    with no_init_weights():  # 10 s of random numbers, for weights to take their place
        net = GroundingDinoForObjectDetection(config(shapes))
    net.model.backbone.conv_encoder.model.swin.layernorm = nn.Identity()
    return net


@dataclass(frozen=True, slots=True)
class Detector:
    """Asked for tags, it says for each where in a frame it is, and how sure it is."""

    net: "GroundingDinoForObjectDetection"
    vocabulary: "BertTokenizer"

    def detect(
        self, frames: Sequence[np.ndarray], tags: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(T, W) scores and (T, W, 4) boxes, the best of each tag, of T frames and W tags.

        Frames are (H, W, 3) RGB bytes of one size. Scores are 0 to 1, or -1 where nothing is;
        boxes are centre x, y, width and height in parts of the frame.
        """
        text = self.vocabulary.encode(grounding_scores.caption(tags))[: grounding_scores.LONGEST]
        words = [self.vocabulary.encode(tag, add_special_tokens=False) for tag in tags]
        masks = grounding_scores.token_masks(words, text)
        scores, boxes = [], []
        for chunk in batched(frames, CHUNK):
            for probabilities, places in zip(*self._asked(chunk, text), strict=True):
                query, score = grounding_scores.best(grounding_scores.scores(probabilities, masks))
                scores.append(score)
                boxes.append(places[query])
        return np.stack(scores), np.stack(boxes)

    def _asked(self, frames: list[np.ndarray], text: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """(n, q, 256) probabilities by word piece, and (n, q, 4) boxes, of n frames."""
        import torch

        with exactly():
            pixels = shown(frames).to(device())
            ids = torch.tensor([text], device=pixels.device).expand(len(frames), -1)
            mask = torch.ones_like(pixels[:, 0], dtype=torch.long)
            said = self.net(pixel_values=pixels, pixel_mask=mask, input_ids=ids)
            return said.logits.sigmoid().cpu().numpy(), said.pred_boxes.cpu().numpy()


def shown(frames: Sequence[np.ndarray]) -> "Tensor":
    """(n, 3, h, w) as the network sees frames: resized by Pillow's bilinear filter, normalised."""
    height, width = fitted(*frames[0].shape[:2])
    return normalised([bilinear(frame, height, width) for frame in frames], *IMAGENET)


def fitted(height: int, width: int) -> tuple[int, int]:
    """The height and width that a frame is shown in: the shorter side 800, the longer 1333 at most.

    The other side follows from the rounded shorter one, cut to whole pixels (DETR's rule).
    """
    short, long = min(height, width), max(height, width)
    side = SHORTER if long / short * SHORTER <= LONGER else round(LONGER * short / long)
    other = int(side * long / short)
    return (side, other) if height <= width else (other, side)
