"""Assignment of an open-vocabulary detector's queries to the tags of a caption, in numpy.

The rules of subject similarity in MSRVTT-Personalization's evaluation (Chen et al. 2025).
"""

from collections.abc import Sequence

import numpy as np

MAX_TOKENS = 256  # word pieces of a caption that the detector scores


def build_caption(tags: Sequence[str]) -> str:
    """The caption that queries all tags, such as `man . blue cap . horse.`."""
    # As published: a space before every full stop but the last.
    return " . ".join(tags).lower().strip() + "."


def mask_tokens(tags: Sequence[Sequence[int]], text: Sequence[int]) -> np.ndarray:
    """(W, 256) bool: all places of each tag's word pieces in those of the text.

    A tag also matches inside another one, such as `cap` in `blue cap`.
    """
    masks = np.zeros((len(tags), MAX_TOKENS), bool)
    for mask, tag in zip(masks, tags, strict=True):
        for start in range(len(text) - len(tag) + 1):
            if list(text[start : start + len(tag)]) == list(tag):
                mask[start : start + len(tag)] = True
    return masks


def score_tags(probabilities: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(q, W) scores of each query for each tag, from probabilities (q, 256) by word piece.

    s = (max + mean over the tag's word pieces) / 2, or 0 for a tag without any.
    """
    by_tag = [probabilities[:, mask] for mask in masks]
    zeros = np.zeros(len(probabilities), probabilities.dtype)
    scores = [(tag.max(axis=1) + tag.mean(axis=1)) / 2 if tag.size else zeros for tag in by_tag]
    return np.stack(scores, axis=1)


def assign_queries(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(W,) the best query of each tag and (W,) its score; the first one wins a tie.

    A query belongs only to the tag that it scores highest for. A tag without queries scores -1.
    """
    owners = scores.argmax(axis=1)
    owned = np.where(owners[:, None] == np.arange(scores.shape[1]), scores, -1)
    return owned.argmax(axis=0), owned.max(axis=0)


def to_pixel_boxes(boxes: np.ndarray, size: tuple[int, int], clip: bool = False) -> np.ndarray:
    """(n, 4) int left, top, right, bottom from relative centre x, y, width, height.

    `size` is (height, width). Boxes may extend beyond the frame unless `clip` is set.
    """
    sides = np.array(size[::-1], np.float32)
    centre, half = boxes[:, :2] * sides, boxes[:, 2:] * sides / 2
    # `astype` truncates towards zero, as published: -0.9 becomes 0 and passes, -1 does not.
    corners = np.concatenate([centre - half, centre + half], axis=1).astype(int)
    return corners.clip(0, np.tile(size[::-1], 2)) if clip else corners
