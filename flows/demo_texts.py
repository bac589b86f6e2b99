"""The demo of texts: films that speak and show text, annotated, asked about, and judged."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.specs.annotate import ScreenSpec
from data.specs.models import SHAPES
from data.specs.pipeline import EmbedSpec
from tasks.demo.demo import time_part
from tasks.demo.texts import describe_films, make_films
from tasks.precision import fastest_precision

CORPUS = "talking-shapes"
EVERY_S = 4  # seconds between frames that are embedded: a shape is seen for at least seven


def demo_texts(
    folder: Path, films: Mapping[str, int] | None = None, seed: int = 0
) -> dict[str, Any]:
    """Makes films in `folder`, finds their texts, answers with and without them; writes a page.

    Returns the experiment's record with its page, the seconds of each part, and notes.
    """
    from flows.annotate import annotate
    from flows.experiment_texts import experiment_texts
    from flows.pipeline import pipeline

    seconds: dict[str, float] = {}
    with time_part(seconds, "films"):
        made = make_films(folder / "films", films, seed)
    os.environ["REELFLOW_ROOT"] = str(folder / "store")  # where flows look
    spec = EmbedSpec(model=SHAPES, fps=1 / EVERY_S, every_nth=None, precision=fastest_precision())
    with time_part(seconds, "frames"):
        pipeline(CORPUS, str(made.videos), embed_spec=spec)
    screen = ScreenSpec(fps=1 / EVERY_S)  # a card is shown for 8 s; reading is dear
    for kind in ("speech", "screen"):
        with time_part(seconds, kind):
            annotate(CORPUS, [kind], screen=screen)
    page = folder / "texts.html"
    with time_part(seconds, "answers"):
        result = experiment_texts(CORPUS, str(made.questions), "video-mme", out=str(page))
    return result | {"seconds": seconds, "notes": describe_films(made)}
