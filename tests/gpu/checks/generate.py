"""Generators, conditioned by clips: RAGME on ZeroScope, MotionRAG on SVD and CogVideoX."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gpu.check import Check, LeftOut, Load, Outputs

TINY = {"steps": 2, "frames": 4}


def _make_ragme(speed: dict[str, Any], options: dict[str, Any], folder: Path, full: bool) -> Load:
    from gpu import published
    from support import zeroscope

    if full:
        base = published.write_zeroscope(folder.parent)
        width, size = 1024, SQUARE
    else:
        zeroscope.pipeline().save_pretrained(folder / "base")
        base, width, size = folder / "base", zeroscope.CIN, {}
    controller = published.write_controller(base, folder / "controller", width, full)
    spec = zeroscope.spec(base, **TINY | size | {"controller": str(controller)} | options)
    return partial(_load, "ragme", spec, speed, width)


def _make_motionrag(
    build: Callable[[], Any], speed: dict[str, Any], options: dict[str, Any], folder: Path,
    full: bool,
) -> Load:  # fmt: skip
    from support import motionrag, zeroscope

    from engines.generate.motionrag.motion_sites import find_base

    pipe = build()
    pipe.save_pretrained(folder / "base")
    motionrag.write_release(folder / "motion", find_base(pipe))
    given = _describe_motionrag(folder / "motion")
    spec = zeroscope.spec(folder / "base", **TINY | given | options)
    return partial(_load, "motionrag", spec, speed, 0)


def _make_svd(options: dict[str, Any], folder: Path, full: bool) -> Load:
    """SVD of the published size, its release and both encoders too."""
    from gpu import published
    from support import zeroscope

    if not full:
        raise LeftOut("of the published size alone, on a GPU")
    base, release = published.write_svd(folder.parent)
    given = _describe_motionrag(release)
    spec = zeroscope.spec(base, **TINY | given | options)
    return partial(_load, "motionrag", spec, {}, 0)


def _describe_motionrag(release: Path) -> dict[str, Any]:
    from data.specs.pipeline import GenerateSpec

    usual = GenerateSpec().guidance  # SVD takes none of its own
    return {"engine": "motionrag", "controller": str(release), "guidance": usual}


def _make_pipeline(build: Callable[[], Any], frames: int, folder: Path, full: bool) -> Load:
    from support import zeroscope

    build().save_pretrained(folder / "base")
    spec = zeroscope.spec(folder / "base", engine="diffusers", steps=2, frames=frames)
    return partial(_load, "diffusers", spec, {}, 0)


def _load(engine: str, spec: Any, speed: dict[str, Any], width: int) -> Callable[[], Outputs]:
    from support import zeroscope

    from engines.base import load_plugin
    from engines.generate.protocol import Speed

    generator = load_plugin("generate.generators", engine).Generator(spec)
    generator.load(Speed(**speed))
    rng, shape = np.random.default_rng(0), (spec.frames, 3, spec.height, spec.width)
    clips = [
        replace(
            each, pixels=rng.integers(0, 256, shape, dtype=np.uint8),
            tokens=rng.standard_normal((2, width)).astype(np.float32),
        )
        for each in zeroscope.clips(2)
    ]  # fmt: skip
    request = zeroscope.request(0, len(clips))
    return lambda: {"frames": generator.generate([request], [clips])[0].astype(np.float32)}


def _build(module: str, name: str) -> Any:
    from importlib import import_module

    return getattr(import_module(f"support.{module}"), name)()


svd = partial(_build, "tiny_pipelines", "svd")
cog = partial(_build, "tiny_transformers", "cogvideox_image")
SQUARE, PUBLISHED = {"width": 128, "height": 128}, {"steps": 25, "precision": "bf16"}

CHECKS = [
    Check("ragme", partial(_make_ragme, {}, {}), 1e-2),  # bytes: half a level of rounding
    Check("ragme bf16", partial(_make_ragme, {}, {"precision": "bf16"}), 0.1),
    Check("ragme offloaded", partial(_make_ragme, {"offload": True}, {}), 1e-2),
    Check("motionrag svd", partial(_make_motionrag, svd, {}, {}), 1e-2),
    Check("motionrag svd offloaded", partial(_make_motionrag, svd, {"offload": True}, {}), 1e-2),
    Check("motionrag cogvideox", partial(_make_motionrag, cog, {}, {"frames": 9}), 1e-2),
    Check("wan", partial(_make_pipeline, partial(_build, "tiny_pipelines", "wan"), 5), 1e-2),
    Check("ltx", partial(_make_pipeline, partial(_build, "tiny_pipelines", "ltx"), 9), 1e-2),
    Check("motionrag svd, published networks", partial(_make_svd, SQUARE), 2e-2),
    Check("ragme, published size", partial(
        _make_ragme, {}, PUBLISHED | {"width": 576, "height": 320, "frames": 24}), only_runs=True),
    Check("motionrag, published size", partial(
        _make_svd, PUBLISHED | {"width": 1024, "height": 576, "frames": 14}), only_runs=True),
]  # fmt: skip
