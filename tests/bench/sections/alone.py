"""The bare parts on the same cores: the model alone in each precision, decoding alone."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from bench import footage
from bench.figures import Figure
from bench.job import Job


def measure(job: Job) -> Iterator[Figure]:
    yield from _model(job)
    if footage.REAL.is_dir():
        yield from _decode(job)


def _model(job: Job) -> Iterator[Figure]:
    """Frames a second of ViT-B-32, and how near bf16 comes to fp32."""
    import torch

    from data.specs.pipeline import EmbedSpec
    from engines.embed.models.open_clip import Embedder
    from tasks.workers import count_cores

    weights = str(footage.weights(job.out))
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3, 224, 224), dtype=np.uint8)
    vectors = {}
    for precision in ("fp32", "bf16"):
        spec = EmbedSpec(model=footage.ARCHITECTURE, weights=weights, precision=precision)
        model = Embedder(spec)
        model.load()
        vectors[precision] = model.embed_images(pixels)
        for threads in (count_cores(), 1):
            torch.set_num_threads(threads)
            spent = _median_s(partial(model.embed_images, pixels), job.size(5, 2))
            name = f"model, {precision}, threads: {threads}"
            yield Figure("alone", name, len(pixels) / spent, "frames/s")
    a, b = (vectors[p] / np.linalg.norm(vectors[p], axis=1)[:, None] for p in ("fp32", "bf16"))
    cosine = float((a * b).sum(1).min())
    yield Figure("alone", "bf16 against fp32, least cosine", cosine, "", least=0.999)


def _decode(job: Job) -> Iterator[Figure]:
    """Sampled frames a second from real footage, in one thread: sparse, and decoding everything."""
    from engines.video.decoders import pyav
    from engines.video.frames import Resize, Sampling

    pyav.warm_up(Resize(224))
    clips = footage.real(job.out / "clips", 1)
    sampling = Sampling(25)

    def sparse() -> int:
        return sum(
            len(f.index) for c in clips for f in pyav.decode_frames(str(c), sampling, Resize(224))
        )

    def plain() -> None:
        for clip in clips:
            for _ in pyav.VideoFile(str(clip)).decode_sequential(sampling):
                pass

    count, times = sparse(), job.size(5, 2)
    yield Figure("alone", "decode, sparse, 1 thread", count / _median_s(sparse, times), "frames/s")
    yield Figure("alone", "decode, plain, 1 thread", count / _median_s(plain, times), "frames/s")


def _median_s(call: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        spent.append(time.perf_counter() - started)
    return sorted(spent)[times // 2]
