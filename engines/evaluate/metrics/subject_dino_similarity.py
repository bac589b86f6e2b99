"""Subj-S of MSRVTT-Personalization (Chen et al. 2025): similarity to the reference subjects."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import GroundTruth, MissingReference, Sample, Score
from engines.evaluate.vision import grounding_scores
from engines.evaluate.vision.cosine import compute_cosines
from engines.evaluate.vision.crops import cut_out
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Subj-S"
MODELS = ("grounding", "bert_vocabulary", "sam", "dino")
NAME = "subject_dino_similarity"
MIN_SCORE = 0.4  # of a detection; it must be above
MIN_IOU = 0.9  # that SAM predicts for its own mask; it must be above
UNDETECTED, LOW_IOU, OUTSIDE = "not detected", f"SAM below {MIN_IOU}", "box beyond the frame"


class TagCrop(NamedTuple):
    """The cut-out of the tag with this number in a frame, or the reason why there is none."""

    frame: int
    tag: int
    picture: np.ndarray | None
    reason: str | None


class Metric:
    """DINO cosines of the things cut out of each frame with the reference cut-outs.

    Grounding DINO detects each tag, SAM segments it. With references e_{w,k} of tag w, the score
    is the mean over T frames and W tags of mean_k cos(DINO(crop_{t,w}), e_{w,k}); a frame without
    the tag counts 0.
    """

    better = {NAME: "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.spec, self.models = spec, models

    def score(self, video: Sample) -> dict[str, Score]:
        """The similarity, with one part per tag; reasons count the frames that score 0."""
        try:
            references = self._read_references(video.ground_truth)
            crops = self._crop_tags(video.frames, tuple(references))
            vectors = list(references.values())
            similarity = self._compute_similarity(crops, vectors, len(video.frames))
        except MissingReference as missing:
            return {NAME: Score(None, str(missing))}
        parts = {}
        for n, (tag, of_tag) in enumerate(zip(references, similarity.T, strict=True)):
            reason = _summarise_reasons([crop.reason for crop in crops if crop.tag == n])
            parts[tag] = Score(float(of_tag.mean()), reason)
        reasons = [f"{tag}: {part.reason}" for tag, part in parts.items() if part.reason]
        return {NAME: Score(float(similarity.mean()), ". ".join(reasons) or None, parts)}

    def _read_references(self, truth: GroundTruth) -> Mapping[str, np.ndarray]:
        """The DINO vectors by tag, of the tags in the spec's scope."""
        references = truth.subject_vectors()
        if self.spec.subject_scope == "subjects":
            tags = truth.subject_tags()
            references = {tag: references[tag] for tag in tags if tag in references}
        if not references:
            raise MissingReference("no subjects")
        return references

    def _crop_tags(self, frames: np.ndarray, tags: tuple[str, ...]) -> list[TagCrop]:
        """One entry per frame and tag: undetected ones first, the others frame by frame."""
        scores, boxes = self.models.get("grounding").detect(frames, tags)
        detected = scores > MIN_SCORE
        crops = [TagCrop(t, tag, None, UNDETECTED) for t, tag in np.argwhere(~detected).tolist()]
        # SAM takes at least one box a frame, so frames without a detection are left out.
        rows = np.flatnonzero(detected.any(axis=1)).tolist()
        size, clip = frames.shape[1:3], self.spec.clip_box
        pixel_boxes = [
            grounding_scores.to_pixel_boxes(boxes[t][detected[t]], size, clip) for t in rows
        ]
        masks = self.models.get("sam").predict_masks([frames[t] for t in rows], pixel_boxes)
        for t, frame_boxes, (frame_masks, ious) in zip(rows, pixel_boxes, masks, strict=True):
            tags_here = np.flatnonzero(detected[t]).tolist()
            for tag, box, mask, iou in zip(tags_here, frame_boxes, frame_masks, ious, strict=True):
                crops.append(TagCrop(t, tag, *_crop_tag(frames[t], mask, box, iou)))
        return crops

    def _compute_similarity(
        self, crops: list[TagCrop], references: list[np.ndarray], frames: int
    ) -> np.ndarray:
        """(T, W) mean cosines with the references, 0 where nothing was cut out."""
        similarity = np.zeros((frames, len(references)))
        pictured = [crop for crop in crops if crop.picture is not None]
        # All crops in one call: the encoder batches them, whichever tag they are of.
        vectors = self.models.get("dino").embed([crop.picture for crop in pictured])
        for tag, known in enumerate(references):
            rows = [n for n, crop in enumerate(pictured) if crop.tag == tag]
            times = [pictured[n].frame for n in rows]
            similarity[times, tag] = compute_cosines(vectors[rows], known).mean(axis=1)
        return similarity


def _crop_tag(
    frame: np.ndarray, mask: np.ndarray, box: np.ndarray, iou: float
) -> tuple[np.ndarray | None, str | None]:
    """The cut-out and None, or None and the reason."""
    picture = cut_out(frame, mask, box)
    # `not >` and not `<=`: a NaN IoU is rejected too.
    reason = LOW_IOU if not iou > MIN_IOU else OUTSIDE if picture is None else None
    return None if reason else picture, reason


def _summarise_reasons(reasons: list[str | None]) -> str | None:
    """The number of frames for each reason as text; None if there is no reason."""
    counts = Counter(reasons)
    texts = [f"{why} in {counts[why]}" for why in (UNDETECTED, LOW_IOU, OUTSIDE) if counts[why]]
    return "; ".join([f"{texts[0]} of {len(reasons)} frames", *texts[1:]]) if texts else None
