"""Which of a detector's queries shows which thing of a text: arrays in, arrays out.

MSRVTT-Personalization (Chen et al. 2025), subject similarity, as its evaluation has it.
"""

from collections.abc import Sequence

import numpy as np

LONGEST = 256  # word pieces that a detector scores


def caption(tags: Sequence[str]) -> str:
    """The text that asks for all the tags."""
    return " . ".join(tags).lower().strip() + "."


def token_masks(tags: Sequence[Sequence[int]], text: Sequence[int]) -> np.ndarray:
    """(W, 256) bool: where the word pieces of each tag are in those of the text, wherever it is.

    A tag is found in another's words too, as `cap` in `blue cap`.
    """
    masks = np.zeros((len(tags), LONGEST), bool)
    for mask, tag in zip(masks, tags, strict=True):
        for start in range(len(text) - len(tag) + 1):
            if list(text[start : start + len(tag)]) == list(tag):
                mask[start : start + len(tag)] = True
    return masks


def scores(probabilities: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(q, W): how well each query fits each tag, of its probabilities (q, 256) by word piece.

    Half of the best and the mean of the tag's word pieces; 0 where it has none.
    """
    chosen = [probabilities[:, mask] for mask in masks]
    none = np.zeros(len(probabilities), probabilities.dtype)
    fits = [(tag.max(axis=1) + tag.mean(axis=1)) / 2 if tag.size else none for tag in chosen]
    return np.stack(fits, axis=1)


def best(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(W,) the best query of each tag and (W,) its score; the first wins a tie.

    A query belongs to the tag that it fits best, and to no other. A tag without any has -1.
    """
    owners = scores.argmax(axis=1)
    owned = np.where(owners[:, None] == np.arange(scores.shape[1]), scores, -1)
    return owned.argmax(axis=0), owned.max(axis=0)


def pixels(boxes: np.ndarray, size: tuple[int, int], clip: bool = False) -> np.ndarray:
    """(n, 4) int left, top, right, bottom, of centres and sizes in parts of (height, width).

    Cut towards zero; they may lie beyond the frame, unless `clip` has them end there.
    """
    sides = np.array(size[::-1], np.float32)
    centre, half = boxes[:, :2] * sides, boxes[:, 2:] * sides / 2
    corners = np.concatenate([centre - half, centre + half], axis=1).astype(int)
    return corners.clip(0, np.tile(size[::-1], 2)) if clip else corners
