"""Seconds a clip takes in each extractor, on random weights, and what a distance takes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from bench.figures import Figure
from bench.job import Job

from data.specs.distance import ClipSpec
from engines.evaluate.distance.extractor import build_extractor
from engines.evaluate.distance.frechet import frechet_from_features, frechet_from_moments
from engines.evaluate.distance.kernel import kvd_unbiased
from engines.evaluate.distance.moments import Moments

FRAMES, HEIGHT, WIDTH = 16, 256, 448
SEED = 0


def measure(job: Job) -> Iterator[Figure]:
    import torch

    clip = np.random.default_rng(SEED).integers(0, 256, (1, FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    shape = f"{FRAMES} frames of {WIDTH}x{HEIGHT}"
    names = ["pixel_stats", "random_projection", "r3d_18", "i3d_k400"]
    if torch.cuda.is_available():  # a thousand million parameters
        names.append("videomae_v2_ssv2")
    for name in names:
        model = build_extractor(ClipSpec(extractor=name, weights=_weights(name, job.scratch)))
        model.load()
        seconds = _least_s(lambda model=model: model(clip), job.size(5, 2))
        yield Figure("fvd", f"{name}, {shape}", seconds, "s/clip")
    yield from _distances(job.size(2048, 512))


def _distances(count: int) -> Iterator[Figure]:
    random = np.random.default_rng(SEED)
    for dim, most in ((400, 0.5), (1408, 10.0)):
        x, y = random.standard_normal((2, count, dim), np.float32)
        moments = Moments.from_features(x), Moments.from_features(y)
        what = f"{count} clips, d = {dim}"
        spent = _least_s(lambda m=moments: frechet_from_moments(*m), 2)
        yield Figure("fvd", f"Fréchet by eigenvalues, {what}", spent, "s", most=most)
        spent = _least_s(lambda x=x, y=y: (Moments.from_features(x), Moments.from_features(y)), 2)
        yield Figure("fvd", f"moments of both sets, {what}", spent, "s")
        spent = _least_s(lambda x=x, y=y: kvd_unbiased(x, y), 2)
        yield Figure("fvd", f"kernel distance, {what}", spent, "s")
    spent = _least_s(lambda: frechet_from_features(x[:256], y[:256]), 2)
    yield Figure("fvd", "Fréchet by the nuclear norm, 256 clips, d = 1408", spent, "s")


def _least_s(call: Callable[[], object], times: int) -> float:
    """The shortest of several calls; the first, which warms up, apart."""
    spent = []
    for _ in range(times + 1):
        started = time.perf_counter()
        call()
        spent.append(time.perf_counter() - started)
    return min(spent[1:])


def _weights(name: str, folder: Path) -> str | None:
    """A file of random weights; None for an extractor that has none."""
    import torch
    from torchvision.models.video import r3d_18

    from engines.nets.i3d import I3D
    from engines.nets.video_transformer import VideoTransformer

    makes: dict[str, Callable[[], torch.nn.Module]] = {
        "r3d_18": lambda: r3d_18(weights=None),
        "i3d_k400": I3D,
        "videomae_v2_ssv2": lambda: VideoTransformer(1408, 40, 16, 6144, 14, 2, 174),
    }
    if name not in makes:
        return None
    torch.save(makes[name]().state_dict(), folder / f"{name}.pt")
    return str(folder / f"{name}.pt")
