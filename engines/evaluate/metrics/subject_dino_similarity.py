"""Whether the things of a video look as the real ones do: Subj-S of MSRVTT-Personalization."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Missing, Sample, Score, Truth
from engines.evaluate.vision import grounding_scores
from engines.evaluate.vision.cosine import cosines
from engines.evaluate.vision.crops import cut_out
from engines.evaluate.vision.registry import Models

VERSION, LABEL = "1", "Subj-S"
MODELS = ("grounding", "bert_vocabulary", "sam", "dino")
NAME = "subject_dino_similarity"
SURE, SHARP = 0.4, 0.9  # of a detection, and of the IoU that SAM predicts of its mask: above these
UNSEEN, VAGUE, BEYOND = "not detected", f"SAM below {SHARP}", "box beyond the frame"


class Cut(NamedTuple):
    """The tag with this number in a frame, cut out; or why it is not."""

    frame: int
    tag: int
    picture: np.ndarray | None
    reason: str | None


class Metric:
    """Cosines of DINO's vectors of the things cut out of each frame and of the real cut-outs.

    Chen et al. 2025: Grounding DINO finds each tag, SAM its shape. The mean over the real ones of
    a tag, then over frames and tags, where a frame without the thing counts 0.
    """

    better = {NAME: "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        self.spec, self.models = spec, models

    def score(self, video: Sample) -> dict[str, Score]:
        """The similarity, with those of the tags; each says in how many frames why it is 0."""
        try:
            real = self._real(video.truth)
            cuts = self._cuts(video.frames, tuple(real))
            likeness = self._likeness(cuts, list(real.values()), len(video.frames))
        except Missing as missing:
            return {NAME: Score(None, str(missing))}
        parts = {
            tag: Score(float(of_tag.mean()), _reason([c.reason for c in cuts if c.tag == n]))
            for n, (tag, of_tag) in enumerate(zip(real, likeness.T, strict=True))
        }
        reasons = [f"{tag}: {part.reason}" for tag, part in parts.items() if part.reason]
        return {NAME: Score(float(likeness.mean()), ". ".join(reasons) or None, parts)}

    def _real(self, truth: Truth) -> Mapping[str, np.ndarray]:
        """DINO's vectors of what the spec counts, by tag."""
        real = truth.subjects()
        if self.spec.subject_scope == "subjects":
            real = {tag: real[tag] for tag in truth.subject_tags() if tag in real}
        if not real:
            raise Missing("no subjects")
        return real

    def _cuts(self, frames: np.ndarray, tags: tuple[str, ...]) -> list[Cut]:
        """What becomes of each tag in each frame: not detected first, then frame by frame."""
        scores, places = self.models.get("grounding").detect(frames, tags)
        sure = scores > SURE
        cuts = [Cut(t, tag, None, UNSEEN) for t, tag in np.argwhere(~sure).tolist()]
        shown = np.flatnonzero(sure.any(axis=1)).tolist()
        boxes = [
            grounding_scores.pixels(places[t][sure[t]], frames.shape[1:3], self.spec.clip_box)
            for t in shown
        ]
        shapes = self.models.get("sam").masks([frames[t] for t in shown], boxes)
        for t, asked, (masks, ious) in zip(shown, boxes, shapes, strict=True):
            there = np.flatnonzero(sure[t]).tolist()
            for tag, box, mask, iou in zip(there, asked, masks, ious, strict=True):
                cuts.append(Cut(t, tag, *_cut_out(frames[t], mask, box, iou)))
        return cuts

    def _likeness(self, cuts: list[Cut], real: list[np.ndarray], frames: int) -> np.ndarray:
        """(T, W) the mean cosine with the real ones, 0 where nothing is cut out."""
        likeness = np.zeros((frames, len(real)))
        there = [cut for cut in cuts if cut.picture is not None]
        seen = self.models.get("dino").embed([cut.picture for cut in there])
        for tag, vectors in enumerate(real):
            mine = [n for n, cut in enumerate(there) if cut.tag == tag]
            where = [there[n].frame for n in mine]
            likeness[where, tag] = cosines(seen[mine], vectors).mean(axis=1)
        return likeness


def _cut_out(
    frame: np.ndarray, mask: np.ndarray, box: np.ndarray, iou: float
) -> tuple[np.ndarray | None, str | None]:
    """What is cut out, or why nothing is."""
    picture = cut_out(frame, mask, box)
    reason = VAGUE if not iou > SHARP else BEYOND if picture is None else None
    return None if reason else picture, reason


def _reason(reasons: list[str | None]) -> str | None:
    """How many of the frames each reason took, for a person; None where it took none."""
    counts = Counter(reasons)
    said = [f"{why} in {counts[why]}" for why in (UNSEEN, VAGUE, BEYOND) if counts[why]]
    return "; ".join([f"{said[0]} of {len(reasons)} frames", *said[1:]]) if said else None
