"""What Prefect, Ray, receipts and Parquet cost: a shard of fakes in a flow, and without one."""

import time
from collections.abc import Iterator

from bench import watched
from bench.figures import Figure
from bench.job import Job

SPEC = {"engine": "fake"}
REAL_VIDEO_S = 0.15  # 6 frames of a short real clip at 40 frames/s


def measure(job: Job) -> Iterator[Figure]:
    """The difference for one shard of 1,000 videos; its share where each is a real clip's work."""
    videos = job.size(1000, 200)
    calls = [
        ["ingest", {"source": f"fake://{videos}", "corpus": "fakes"}],
        ["embed", {"corpus": "fakes", "spec": SPEC}],
    ]
    ran = watched.stages(job.scratch / "orchestration", calls, shard_size=videos)
    flow = ran.said["calls"][1]["said"]["seconds"]
    direct = embed_alone(videos)
    each = 1000 * max(0.0, flow - direct) / videos
    yield Figure("orchestration", f"{videos} fakes, one shard, in a flow", flow, "s")
    yield Figure("orchestration", f"{videos} fakes, the engine alone", direct, "s")
    yield Figure("orchestration", "difference", each, "ms/video")
    share = 100 * each / (each + 1000 * REAL_VIDEO_S)
    yield Figure("orchestration", f"share at {REAL_VIDEO_S} s a video", share, "%", most=5)


def embed_alone(videos: int, warm_up: int = 32) -> float:
    """Seconds of the same engine over the same videos in this process, once it is there.

    It first embeds some to `warm_up`, which are not counted.
    """
    from data.records import Video
    from data.settings import Settings
    from data.specs.pipeline import EmbedSpec
    from engines.embed.engine import VideoEmbedder
    from tasks.workers import build_embed_setup

    engine = VideoEmbedder(EmbedSpec(**SPEC), build_embed_setup(Settings()))
    engine.load()
    work = [Video(f"{i}", f"fake://{i}?frames=8", f"{i}") for i in range(videos)]
    list(engine.run(work[:warm_up]))
    started = time.perf_counter()
    for at in range(0, videos, 32):
        list(engine.run(work[at : at + 32]))
    spent = time.perf_counter() - started
    engine.close()
    return spent
