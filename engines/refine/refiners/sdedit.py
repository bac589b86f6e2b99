"""SDEdit (Meng et al. 2022): noise on a clip, taken away again by any pipeline of diffusers."""

from pathlib import Path

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from data.specs.refine import RefineSpec
from engines.refine.protocol import Shape, Windows, read_options

VERSION = "1"


class Options(Spec):
    """How far a clip is taken back, and how it is led."""

    strength: float = Field(0.2, gt=0, le=1)
    """Share of the denoising steps that a clip goes through: little noise keeps more of it."""
    steps: int = Field(25, ge=1)
    """Denoising steps of a whole generation."""
    guidance: float = Field(7.5, ge=0)
    """Guidance by the clip's prompt."""
    negative: str = ""
    """What guidance leads away from."""
    multiple: int | None = Field(None, ge=1)
    """What sides of frames must be multiples of; as the pipeline's folder says if left out."""


def digests(spec: RefineSpec) -> dict[str, str]:
    """The digest of the pipeline's parts."""
    from engines.generate.pipelines.folder import pipeline_digest, pipeline_folder

    return {"model": pipeline_digest(pipeline_folder(spec.weights))}


class Refiner:
    """Takes each window through the last steps of a generation; the bundled model's by default."""

    def __init__(self, spec: RefineSpec) -> None:
        from engines.generate.pipelines.folder import pipeline_folder
        from engines.refine.video_to_video import check_strength, find_multiple

        self.options = read_options(Options, spec.refiner, spec.options)
        self.folder, self.precision = Path(pipeline_folder(spec.weights)), spec.precision
        check_strength(self.options.strength, self.options.steps)
        multiple = self.options.multiple or find_multiple(self.folder)
        self.shape = Shape(multiple=multiple)

    def load(self) -> None:
        """Loads the pipeline; a UserError for one that starts from no video."""
        from engines.refine.video_to_video import VideoToVideo

        self.pipeline = VideoToVideo(self.folder, self.precision)

    def refine(self, windows: Windows) -> np.ndarray:
        # One at a time: kernels round by the size of the batch.
        return np.stack(
            [
                self.pipeline.edit(frames, windows.prompt, seed, self.options.model_dump())
                for frames, seed in zip(windows.frames, windows.seeds, strict=True)
            ]
        )
