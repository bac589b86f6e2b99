"""Decoding and embedding beside the bare parts, on clips that are made here."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from bench import footage
from bench.job import Job
from bench.pairs import Pairs, measure_pairs, wall_seconds

CLIPS, FRAMES, SHAPE, FPS = 8, 100, (240, 320), 25.0
QUICKLY = {"preset": "veryfast", "crf": "20"}
EVERY = 10  # frames, that are embedded
SIZE = 224
AT_ONCE = 2  # batches of videos, as a worker has them in flight


def write_clips(folder: Path) -> list[Path]:
    """Soft colours that drift, each clip other ones, as H.264; written once."""
    from engines.video.writing import encode_pictures

    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:02d}.mp4" for number in range(CLIPS)]
    for number, file in enumerate(files):
        if not file.exists():
            part = file.with_suffix(".part")
            part.write_bytes(encode_pictures(_draw_frames(number), SHAPE, FPS, QUICKLY))
            part.rename(file)
    return files


def _draw_frames(seed: int) -> np.ndarray:
    """(T, H, W, 3) bytes: soft waves of random colours that roll by two pixels a frame."""
    height, width = SHAPE
    waves = np.sin(np.arange(height) / 20)[:, None] * np.cos(np.arange(width) / 20)[None]
    colours = np.random.default_rng(seed).uniform(40, 120, 3)
    picture = (120 + waves[:, :, None] * colours).astype(np.uint8)
    return np.stack([np.roll(picture, 2 * t, axis=1) for t in range(FRAMES)])


def compare_decoding(job: Job, every: int, turns: int) -> Pairs:
    """One guarded decoder process beside a loop of PyAV's own in this process."""
    from data.records import Video
    from engines.video.frames import Frames, Resize, Sampling
    from engines.video.guard.guard import Guard

    clips = write_clips(job.out / "gate-clips")
    videos = [Video(clip.stem, str(clip), clip.stem) for clip in clips]
    wanted = CLIPS * len(range(0, FRAMES, every))
    with Guard(1) as guard:

        def decode() -> None:
            events = guard.decode(videos, Sampling(every), Resize(SIZE))
            parts = [event[1] for event in events if isinstance(event, tuple)]
            _check_count(sum(len(part.index) for part in parts if isinstance(part, Frames)), wanted)

        decode()  # starts the process
        return measure_pairs(
            decode, lambda: _check_count(_decode_bare(clips, every), wanted), turns, wall_seconds
        )


def _decode_bare(clips: Sequence[Path], every: int) -> int:
    """Decodes every frame in one thread, and scales the sampled ones; how many these were."""
    import av

    count = 0
    for clip in clips:
        with av.open(str(clip)) as file:
            stream = file.streams.video[0]
            for number, frame in enumerate(file.decode(stream)):
                if number % every == 0:
                    frame.reformat(SIZE, SIZE, "rgb24", interpolation="BICUBIC").to_ndarray()
                    count += 1
    return count


def compare_embedding(job: Job, turns: int) -> Pairs:
    """A worker, from files to vectors, beside its model alone on as many frames of noise.

    ViT-B-32 with random weights; both run two batches at once, by the same threads.
    """
    from data.outcome import Done
    from data.records import Video
    from data.settings import Settings
    from data.specs.pipeline import EmbedSpec
    from engines.embed.engine import VideoEmbedder
    from tasks.precision import fastest_precision
    from tasks.workers import build_embed_setup

    spec = EmbedSpec(model=footage.ARCHITECTURE, weights=str(footage.weights(job.out)),
                     precision=fastest_precision(), every_nth=EVERY)  # fmt: skip
    videos = [Video(c.stem, str(c), c.stem) for c in write_clips(job.out / "gate-clips")]
    halves = [videos[n::AT_ONCE] for n in range(AT_ONCE)]
    frames = CLIPS * len(range(0, FRAMES, EVERY)) // AT_ONCE
    pixels = np.random.default_rng(0).integers(0, 256, (frames, 3, SIZE, SIZE), dtype=np.uint8)
    engine = VideoEmbedder(spec, build_embed_setup(Settings()))
    engine.load()
    try:

        def embed(number: int) -> None:
            outcomes = list(engine.run(halves[number]))
            done = sum(len(o.value.vector) for o in outcomes if isinstance(o, Done))
            _check_count(done, frames)

        def embed_bare(number: int) -> None:
            _check_count(len(engine.model.embed_images(pixels)), frames)

        with ThreadPoolExecutor(AT_ONCE) as pool:

            def run(call: Callable[[int], None]) -> Callable[[], object]:
                return lambda: list(pool.map(call, range(AT_ONCE)))

            run(embed)(), run(embed_bare)()  # decoder processes and kernels warm up
            return measure_pairs(run(embed), run(embed_bare), turns, wall_seconds)
    finally:
        engine.close()


def _check_count(found: int, wanted: int) -> None:
    """Two sides that do not do the same work must not be compared."""
    if found != wanted:
        raise RuntimeError(f"{found} frames instead of {wanted}: the ratio would mean nothing")
