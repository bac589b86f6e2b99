"""Hits that are too few: left out, or grey clips in their place, as RAGME has them."""

from collections.abc import Sequence

import numpy as np

from data.records import Source
from data.specs.pipeline import GenerateSpec
from engines.generate.protocol import Clip

NOBODY = Source(rank=0, video_id="", content="", score=0.0, uri="")


def filled(clips: Sequence[Clip], spec: GenerateSpec) -> Sequence[Clip]:
    """The clips; with `absent_as_grey`, and as many grey ones as there are fewer than k.

    A grey clip has zeros for frame vectors: which ones RAGME's had hung on its CLIP.
    """
    if not clips or "absent_as_grey" not in spec.rag.compat:
        return clips
    like = clips[0]
    grey = Clip(
        source=NOBODY,
        start_s=0.0,
        key="grey",
        pixels=None if like.pixels is None else np.full_like(like.pixels, 128),
        tokens=None if like.tokens is None else np.zeros_like(like.tokens),
    )
    return [*clips, *[grey] * (spec.retrieve.k - len(clips))]
