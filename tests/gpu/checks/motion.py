"""What MotionRAG sees of clips: features as the stage stores them, and a predicted motion."""

from functools import partial
from pathlib import Path

import numpy as np
from gpu.check import Check, Load, Outputs


def _make(fusion: str, folder: Path, full: bool) -> Load:
    from data.specs.motion import MotionSpec
    from engines.generate.motionrag.encoders import IMAGE, VIDEO, ClipEncoders
    from engines.generate.motionrag.motion import MotionPredictor
    from engines.generate.motionrag.motion_sites import find_base
    from engines.generate.motionrag.release import load_release

    pipe, release = _write(folder, full)
    shape = (3, 8, 3, 64, 96)
    clips = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def load():
        encoders = ClipEncoders(release / VIDEO, release / IMAGE)
        loaded = load_release(release, find_base(pipe))
        predictor = MotionPredictor(loaded, encoders, MotionSpec(fusion=fusion))

        def run() -> Outputs:
            seen = {str(n): clip for n, clip in enumerate(clips[1:])}
            tokens = list(predictor.describe_clips(seen).values())
            motion = predictor.predict(clips[0, 0], tokens, [0.6, 0.4])
            found = {
                "patches": encoders.encode_appearance(clips[0, 0]),
                "motion": tokens[0].motion, "appearance": tokens[0].appearance, "predicted": motion,
            }  # fmt: skip
            return {name: value.float().cpu().numpy() for name, value in found.items()}

        return run

    return load


def _write(folder: Path, full: bool) -> tuple[object, Path]:
    from support import motionrag, tiny_pipelines

    pipe = tiny_pipelines.svd()
    if full:
        from gpu.published import write_release

        return pipe, write_release(pipe.unet, folder)
    from engines.generate.motionrag.motion_sites import find_base

    return pipe, motionrag.write_release(folder, find_base(pipe))


CHECKS = [Check(f"features and {each}", partial(_make, each)) for each in ("context", "score")]
