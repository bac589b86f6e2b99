"""Grey clips in place of missing hits, as RAGME has them (ragme.md, section 4, no. 3)."""

from collections.abc import Sequence

import numpy as np

from data.records import Source
from data.specs.pipeline import GenerateSpec
from engines.generate.protocol import Clip

NO_SOURCE = Source(rank=0, video_id="", content="", score=0.0, uri="")


def add_grey_clips(clips: Sequence[Clip], spec: GenerateSpec) -> Sequence[Clip]:
    """The clips; with `absent_as_grey`, filled up to k with grey ones.

    A grey clip has zeros for frame vectors: RAGME's own came from whichever CLIP encoded them.
    """
    # Without any hit RAGME generates from plain noise, so nothing is filled up then.
    if not clips or "absent_as_grey" not in spec.rag.compat:
        return clips
    like = clips[0]
    grey = Clip(
        source=NO_SOURCE,
        start_s=0.0,
        key="grey",
        pixels=None if like.pixels is None else np.full_like(like.pixels, 128),
        tokens=None if like.tokens is None else np.zeros_like(like.tokens),
    )
    return [*clips, *[grey] * (spec.retrieve.k - len(clips))]
