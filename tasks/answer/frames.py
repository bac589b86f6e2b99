"""The stored frame vectors of the videos that questions are about."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from data.catalog.database import load_sql
from data.errors import UserError
from data.runs.questions import VideoQuestions
from data.shards.stages import Stage, current_stage
from data.specs.answer import AnswerSpec
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from engines.answer.items import StoredFrames
from engines.answer.plugins import load_model
from engines.embed.stored_vectors import StoredVectors
from engines.retrieve.text_rules import normalise
from tasks.progress import notify
from tasks.stages import require_same_weights


@dataclass(frozen=True)
class FrameSource:
    """The frame vectors of a corpus, and the spec of the model that made them."""

    stage: Stage
    spec: EmbedSpec
    read: StoredVectors

    def find_frames(self, item: VideoQuestions) -> StoredFrames | None:
        """The frames of a video; None where it has none. Frames like nothing are left out."""
        found = self.read(item.video.content)
        if found is None:
            return None
        seconds, vectors = found[0], found[1].astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1)
        good = np.isfinite(lengths) & (lengths > 0)
        return StoredFrames(seconds[good], normalise(vectors[good]))


def open_frames(
    workspace: Workspace, corpus: str, spec: AnswerSpec, items: Collection[VideoQuestions]
) -> FrameSource | None:
    """The corpus's frame vectors, where the model or the sampling goes by them.

    A UserError where frames are to be sampled by vectors that there are not.
    """
    by_vectors = spec.sampling == "keyframe"
    is_blind = "closeness" in load_model(spec.model).CAPABILITIES
    if not (by_vectors or spec.detector or is_blind):
        return None
    stage = current_stage(workspace.store, corpus, "embed")
    if stage is None:
        if by_vectors:
            raise UserError(
                f"{corpus} has no frame vectors to choose keyframes by: run `reelflow embed"
                f" {corpus}`, or leave out --sampling keyframe"
            )
        without = "answers go by texts alone" if is_blind else "objects are looked for all over"
        notify(f"{corpus} has no frame vectors: {without}")
        return None
    contents = sorted({item.video.content for item in items})
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.execute(
            load_sql("output_locations"), corpus=corpus, stage=stage.kind,
            fingerprint=stage.fingerprint, contents=contents,
        )  # fmt: skip
    places = {content: (shard, id) for content, shard, id in sorted(rows)}
    read = StoredVectors(workspace.store, stage.folder, places)
    return FrameSource(stage, require_same_weights(workspace, stage), read)
