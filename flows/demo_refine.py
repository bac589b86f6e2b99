"""The demo of refinement: grainy clips made on the spot, refined pass by pass and measured."""

import os
from pathlib import Path
from typing import Any

from data.specs.distance import ClipSpec, DistanceSpec
from data.specs.refine import PassMeasure, RefineSpec
from tasks.demo.refine import FRAMES, make_clips

ITERATIONS = (1, 2, 4)
MEASURE = PassMeasure(
    distance=DistanceSpec(clip=ClipSpec(extractor="pixel_stats", frames=FRAMES)), replicates=100
)


def demo_refine(folder: Path, refiner: str, videos: int = 12) -> dict[str, Any]:
    """Makes clips with grain and clean ones in `folder`, refines the former, and writes a page."""
    from flows.refine import refine
    from flows.report import report

    noisy, clean = make_clips(folder, videos)
    os.environ["REELFLOW_ROOT"] = str(folder / "store")  # where flows look
    # So few small clips are done before a second worker, and Ray for it, would have started.
    os.environ.setdefault("REELFLOW_WORKERS", "1")
    spec = RefineSpec(refiner=refiner, iterations=ITERATIONS)
    result = refine(str(noisy), spec, str(clean), MEASURE)
    page = folder / "refined.html"
    report(result["refinement"], str(page))
    return result | {"page": page}
