"""What motion costs MotionRAG: a step with and without it, features, retrieval and CAMA."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench.figures import Figure
from bench.job import Job
from bench.sections.generate import peak_gb

if TYPE_CHECKING:
    import torch
    from torch import nn

STEPS, CLIPS, QUERIES, DIM = 25, 9, 25, 1024  # as published for Stable Video Diffusion
MOST = 1.10


@dataclass(frozen=True)
class Shape:
    """A UNet of Stable Video Diffusion's blocks: channels, heads, frames and latent height, width.

    In full on a GPU; a fifth as wide, on a quarter of the pixels, on a CPU.
    """

    name: str
    channels: tuple[int, ...]
    heads: tuple[int, ...]
    frames: int
    latent: tuple[int, int]


FULL = Shape("SVD, 1024x576", (320, 640, 1280, 1280), (5, 10, 20, 20), 14, (72, 128))
NARROW = Shape("a fifth of SVD, 512x320", (64, 128, 256, 256), (1, 2, 4, 4), 14, (40, 64))
QUICK = Shape("a fifth of SVD, 128x64", (64, 128, 256, 256), (1, 2, 4, 4), 4, (8, 16))


def measure(job: Job) -> Iterator[Figure]:
    import torch
    from diffusers import UNetSpatioTemporalConditionModel
    from support import tiny_pipelines

    on_gpu = torch.cuda.is_available()
    torch.manual_seed(0)
    yield from _measure_steps("tiny SVD", tiny_pipelines.svd().unet, 4, (8, 8), job, most=None)
    shape = FULL if on_gpu else job.size(NARROW, QUICK)
    unet = UNetSpatioTemporalConditionModel(
        block_out_channels=shape.channels, num_attention_heads=shape.heads,
        cross_attention_dim=DIM, num_frames=shape.frames,
    ).eval()  # fmt: skip
    yield from _measure_steps(shape.name, unet, shape.frames, shape.latent, job, most=MOST)
    yield from _measure_context(job)
    yield from _measure_features(job, unet)
    yield from _measure_retrieval(job)
    yield Figure("motion", "peak memory", peak_gb(on_gpu), "GB")


def _measure_steps(
    name: str, unet: "nn.Module", frames: int, latent: tuple[int, int], job: Job, most: float | None
) -> Iterator[Figure]:
    """A step under guidance; keys and values of the motion are those of the whole sampling."""
    import torch

    from engines.generate.motionrag.motion_sites import list_motion_sites
    from engines.nets.motion_adapter import MotionAdapters

    on_gpu = torch.cuda.is_available()
    device, dtype = ("cuda", torch.float16) if on_gpu else ("cpu", torch.float32)
    unet.to(device, dtype)
    adapters = MotionAdapters(list_motion_sites(unet), DIM).to(device, dtype).eval()
    adapters.attach(unet)
    config: Any = unet.config

    def random(*shape: int) -> "torch.Tensor":
        return torch.randn(shape, device=device, dtype=dtype)

    inputs = {
        "sample": random(2, frames, config.in_channels, *latent),
        "timestep": torch.tensor(1.0, device=device),
        "encoder_hidden_states": random(2, 1, config.cross_attention_dim),
        "added_time_ids": random(2, 3),
    }
    motion, null = random(1, QUERIES, DIM), random(1, QUERIES, DIM)
    spent: dict[str, list[float]] = {"base alone": [], "with motion": []}
    with torch.inference_mode():
        for _ in range(job.size(9, 3) + 1):  # in turns; the first of each warms up
            for way, tokens in (("base alone", None), ("with motion", motion)):
                with adapters.condition_on(tokens, null):
                    spent[way].append(_time(lambda: unet(**inputs)))
    least = {way: min(seconds[1:]) for way, seconds in spent.items()}
    for way, seconds in least.items():
        yield Figure("motion", f"{name}, {STEPS} steps, {way}", seconds * STEPS, "s/video")
    ratio = least["with motion"] / least["base alone"]
    yield Figure("motion", f"{name}: step with motion to base's", ratio, "x", most=most)


def _measure_context(job: Job) -> Iterator[Figure]:
    """The context transformer in full, on the tokens of nine clips and of the picture."""
    import torch

    from engines.nets.motion_context import MotionContext
    from engines.nets.perceiver import PerceiverResampler

    device = "cuda" if torch.cuda.is_available() else "cpu"
    context = MotionContext(PerceiverResampler(DIM)).to(device).eval()
    motions, seen = (torch.randn(1, n, QUERIES, DIM, device=device) for n in (CLIPS, CLIPS + 1))
    with torch.inference_mode():
        seconds = [_time(lambda: context(motions, seen)) for _ in range(job.size(20, 3) + 1)]
    yield Figure("motion", f"CAMA, {CLIPS} clips", 1000 * min(seconds[1:]), "ms/prompt")


def _measure_features(job: Job, base: "nn.Module") -> Iterator[Figure]:
    """Clips described a second, decoding included, by networks of the published sizes."""
    from support import golden

    from data.outcome import Done
    from data.records import Video
    from data.specs.motion import MotionFeaturesSpec
    from engines.generate.motionrag.features import DescribeSetup, MotionDescriber

    folder, count = job.scratch / "motion", job.size(6, 2)
    files = [golden.clip(folder / f"{n}.mp4", 60, size=(448, 256)) for n in range(count)]
    spec = MotionFeaturesSpec(controller=str(_write_release(job, base)))
    describer = MotionDescriber(spec, DescribeSetup(threads=os.cpu_count() or 1))
    describer.load()
    videos = [Video(file.stem, str(file), file.stem, duration=2.4) for file in files]
    list(describer.run(videos[:1]))
    started = time.perf_counter()
    outcomes = list(describer.run(videos))
    seconds = time.perf_counter() - started
    describer.close()
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    nets = job.size("VideoMAE-base and DINOv2-large", "tiny networks")
    yield Figure("motion", f"clips described, {nets}", len(videos) / seconds, "clips/s")


def _write_release(job: Job, base: "nn.Module") -> Path:
    """A release and its encoders with random weights; tiny ones where all is to be quick."""
    from support import motionrag
    from transformers import Dinov2Config, Dinov2Model, VideoMAEConfig, VideoMAEModel

    from engines.generate.motionrag.motion_sites import list_motion_sites
    from engines.generate.motionrag.release import build_fresh
    from engines.generate.motionrag.release_writing import save_release

    folder, video = job.scratch / "release", VideoMAEConfig()
    if job.quick:
        return motionrag.write_release(folder, base)
    save_release(build_fresh(list_motion_sites(base), video.hidden_size), base, folder)
    VideoMAEModel(video).save_pretrained(folder / "video_encoder")
    large = Dinov2Config(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
                         image_size=518, patch_size=14)  # fmt: skip
    Dinov2Model(large).save_pretrained(folder / "image_encoder")
    return folder


def _measure_retrieval(job: Job) -> Iterator[Figure]:
    """A prompt's clips by caption, in a corpus of fakes: its text encoded, searched, looked up."""
    import pytest
    from support.plain import PlainFlows

    from data.records import Prompt
    from data.settings import Settings
    from data.specs.encode import CaptionSpec
    from data.specs.retrieve import RetrieveSpec
    from data.workspace import open_workspace
    from flows.caption_vectors import caption_vectors
    from flows.ingest import ingest
    from tasks.retrieve.stored import CaptionRetriever

    count, table = job.size(2000, 40), job.scratch / "captions.jsonl"
    rows = [{"videoID": str(n), "videoLoc": f"fake://{n}?frames=20",
             "txt": f"clip {n} moves {('left', 'right', 'up', 'away')[n % 4]}"}
            for n in range(count)]  # fmt: skip
    table.write_text("\n".join(map(json.dumps, rows)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELFLOW_ROOT", str(job.scratch / "store"))
        plain = PlainFlows()
        plain.patch(patch)
        ingest(str(table), "c")
        caption_vectors("c", CaptionSpec())
        retriever, spec = CaptionRetriever(open_workspace(Settings()), "c"), RetrieveSpec(k=CLIPS)
        prompts = [Prompt(str(n), f"something moves left, take {n}") for n in range(12)]
        seconds = [_time(lambda p=p: retriever.search_prompts([p], spec)) for p in prompts]
        plain.close()
    middle = float(np.median(seconds[1:]))
    yield Figure("motion", f"retrieval by caption, of {count} clips", 1000 * middle, "ms/prompt")


def _time(call: Callable[[], object]) -> float:
    import torch

    started = time.perf_counter()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started
