"""Videos of the bundled models, as frames."""

import tempfile
from collections.abc import Sequence

import numpy as np

from data.records import Request
from data.specs.models import SHAPES
from data.specs.pipeline import EmbedSpec, GenerateSpec
from engines.base import load_plugin
from engines.generate.engine import GenerateSetup, VideoGenerator
from engines.generate.protocol import Speed
from engines.video.frames import Resize, Sampling


def generate_clips(spec: GenerateSpec, requests: Sequence[Request]) -> list[np.ndarray]:
    """The frames (n, height, width, 3) of each request's video, in their order."""
    setup = GenerateSetup(speed=Speed(threads=1))
    engine = VideoGenerator(spec, EmbedSpec(model=SHAPES, precision="fp32"), setup)
    engine.load()
    try:
        made = {outcome.id: outcome.value for outcome in engine.run(requests)}
    finally:
        engine.close()
    return [_read_frames(made[request.id].video, spec.height) for request in requests]


def _read_frames(video: bytes, side: int) -> np.ndarray:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(video)
        file.flush()
        found = load_plugin("video.decoders", "pyav").decode_frames(
            file.name, Sampling(every_nth=1), Resize(side)
        )
        return np.concatenate([some.pixels for some in found]).transpose(0, 2, 3, 1)
