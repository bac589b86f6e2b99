"""Ways of sharing the cores between decoders and model: the ground of `tasks.workers`."""

import queue
import threading
import time
from collections.abc import Iterator

from bench import footage
from bench.figures import Figure
from bench.job import Job

# concurrent batches × threads of the model, decoders, frames a batch
SETUPS = ((1, 2, 2, 64), (2, 1, 2, 64), (2, 1, 1, 64), (2, 2, 2, 64), (2, 1, 2, 16), (2, 1, 2, 32))
CALLERS, VIDEOS = 2, 16  # batches of videos in flight, and videos in each


def measure(job: Job) -> Iterator[Figure]:
    """Frames a second of wall clock, and of the CPU time of all cores: the latter bears noise."""
    if not footage.REAL.is_dir():
        return
    clips = footage.real(job.out / "clips", job.size(8, 3))
    weights = str(footage.weights(job.out))
    for setup in SETUPS:
        frames, wall, cpu = _run(clips, weights, setup)
        name = "{} at once, threads {}, decoders {}, batch {}".format(*setup)
        yield Figure("setups", name, frames / wall, "frames/s")
        yield Figure("setups", f"{name}: CPU", 1000 * cpu / frames, "ms/frame")


def _run(clips: list, weights: str, setup: tuple[int, int, int, int]) -> tuple[int, float, float]:
    """Frames, wall seconds, CPU seconds; start-up is not counted."""
    from data.batches import iter_batches
    from data.records import Video
    from data.specs.pipeline import EmbedSpec
    from engines.embed.engine import EmbedSetup, VideoEmbedder

    batches, threads, decoders, size = setup
    spec = EmbedSpec(model=footage.ARCHITECTURE, weights=weights)
    work = EmbedSetup(
        decoders=decoders, concurrent_batches=batches, threads=threads, frames_per_batch=size
    )
    engine = VideoEmbedder(spec, work)
    engine.load()
    videos = [Video(clip.stem, str(clip), clip.stem) for clip in clips]
    list(engine.run(videos[:8]))
    todo: queue.Queue = queue.Queue()
    for part in iter_batches(videos, VIDEOS):
        todo.put(part)
    frames: list[int] = []
    before, started = _cpu_s(), time.perf_counter()
    callers = [threading.Thread(target=_call, args=(engine, todo, frames)) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    wall, cpu = time.perf_counter() - started, _cpu_s() - before
    engine.close()
    return sum(frames), wall, cpu


def _call(engine: object, todo: queue.Queue, frames: list[int]) -> None:
    while not todo.empty():
        frames += [len(outcome.value.frame) for outcome in engine.run(todo.get())]


def _cpu_s() -> float:
    import psutil

    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    ended = me.cpu_times()
    spent = sum(t.user + t.system for t in times)
    return spent + ended.children_user + ended.children_system
