"""What clips cost a generated video: a step of ZeroScope's UNet plain, conditioned, uncached."""

import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.job import Job

from data.specs.pipeline import GenerateSpec

if TYPE_CHECKING:
    import torch

FRAMES, CLIPS, TOKENS, STEPS = 12, 5, 4, 50


@dataclass(frozen=True)
class Size:
    """ZeroScope, in full on a GPU; a fifth as wide, on a fourteenth of the pixels, on a CPU."""

    name: str
    channels: tuple[int, ...]
    context: int
    latent: tuple[int, int]


FULL = Size("ZeroScope, 448x256", (320, 640, 1280, 1280), 1024, (32, 56))
SMALL = Size("a fifth of ZeroScope, 128x64", (64, 128, 256, 256), 256, (8, 16))


def measure(job: Job) -> Iterator[Figure]:
    import torch

    on_gpu = torch.cuda.is_available()
    size = FULL if on_gpu else SMALL
    with torch.inference_mode():
        spent = _least_s(_steps(size, "cuda" if on_gpu else "cpu"), job.size(9, 3))
    for name, seconds in spent.items():
        yield Figure("generate", f"{size.name}, {STEPS} steps, {name}", seconds * STEPS, "s/video")
    ratio = spent["cached"] / spent["plain"]
    yield Figure("generate", "conditioned step to plain", ratio, "x", most=1.15)
    yield Figure("generate", "uncached step to plain", spent["uncached"] / spent["plain"], "x")
    yield Figure("generate", "peak memory", peak_gb(on_gpu), "GB")


def _steps(size: Size, device: str) -> dict[str, Callable[[], object]]:
    """A step of sampling under guidance by the text: plain, conditioned, and without the cache."""
    import torch
    from diffusers import UNet3DConditionModel

    from engines.generate.ragme.injection_sites import list_sites
    from engines.generate.ragme.sampling import GuidedNoise
    from engines.nets.controller import Controller
    from engines.nets.controller_config import ControllerConfig

    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    torch.manual_seed(0)
    unet = UNet3DConditionModel(
        block_out_channels=size.channels,
        cross_attention_dim=size.context,
        attention_head_dim=min(64, size.channels[0] // 2),
    )
    unet.to(device, dtype).eval()
    channels = tuple(site.channels for site in list_sites(unet))
    controller = Controller(ControllerConfig(channels, tokens="cls", videos="loop"))
    controller.to(device, dtype).eval()

    def random(*shape: int) -> "torch.Tensor":
        return torch.randn(shape, device=device, dtype=dtype)

    text, latents = random(2, 77, size.context), random(1, 4, FRAMES, *size.latent)
    tokens, timestep = random(1, CLIPS, TOKENS, 512), torch.tensor(500, device=device)
    spec, said = GenerateSpec(), controller.precompute_context(tokens)

    def run(with_clips: object) -> None:
        held = with_clips() if callable(with_clips) else with_clips
        GuidedNoise(unet, text, spec, controller, held)(latents, timestep)  # type: ignore[arg-type]
        if device == "cuda":
            torch.cuda.synchronize()

    return {
        "plain": lambda: run(None),
        "cached": lambda: run(said),
        "uncached": lambda: run(lambda: controller.precompute_context(tokens)),
    }


def _least_s(steps: dict[str, Callable[[], object]], times: int) -> dict[str, float]:
    """The shortest of several runs of each, taken in turns; the first, which warms up, apart."""
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(times + 1):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            spent[name].append(time.perf_counter() - started)
    return {name: min(seconds[1:]) for name, seconds in spent.items()}


def peak_gb(on_gpu: bool) -> float:
    import torch

    if on_gpu:
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
