"""Clips a second and pass of each refiner without a download, and memory by a clip's length."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from bench.figures import Figure
from bench.job import Job

from data.specs.refine import RefineSpec
from engines.device import limit_threads
from engines.refine.loop import Subject, iterate_passes
from engines.refine.plugins import build_corruption, build_refiner
from engines.refine.scratch import Scratch

REFINERS = ("identity", "temporal_median", "bilateral", "nl_means", "inpaint_telea", "unet", "vq")
HOLES = {"corruption": "tensor_mask"}  # without holes there is nothing to inpaint
FRAMES, SIDE = 64, 64
LENGTHS = (64, 1024)
MEASURE = f"""
import json, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from bench.sections.refine import measure_memory
print(json.dumps(measure_memory(int(sys.argv[1]))))
"""


def measure(job: Job) -> Iterator[Figure]:
    limit_threads()  # as the stage's workers do
    clip = np.random.default_rng(0).random((FRAMES, SIDE, SIDE, 3), np.float32)
    for name in REFINERS:
        holes = HOLES if name.startswith("inpaint") else {}
        for batch in (1, 4):
            spec = RefineSpec(refiner=name, batch=batch, **holes)
            try:
                seconds = _time_pass(spec, clip)
            except Exception as error:  # a refiner whose weights are not there
                print(f"refine: {name}: {error}", flush=True)
                break
            what = f"{name}, {FRAMES} frames of {SIDE}x{SIDE}, {batch} windows at once"
            yield Figure("refine", what, 1 / seconds, "clips/s a pass")
    sizes = {}
    for length in job.size(LENGTHS, LENGTHS[:1]):
        words = [sys.executable, "-c", MEASURE, str(length)]
        made = subprocess.run(words, capture_output=True, text=True, check=True)
        sizes[length] = json.loads(made.stdout.splitlines()[-1])
        what = f"memory of one pass over {length} frames of 256x256, beyond imports"
        yield Figure("refine", what, sizes[length], "MB")


def _time_pass(spec: RefineSpec, clip: np.ndarray) -> float:
    """Seconds of the second pass: the first loads what loads late. Drift is part of a pass."""
    refiner = build_refiner(spec)
    refiner.load()
    with Scratch() as scratch:
        passes = iterate_passes(spec, refiner, build_corruption(spec), Subject("a"), clip, scratch)
        list(islice(passes, 2))
        started = time.perf_counter()
        next(passes)
        return time.perf_counter() - started


def measure_memory(length: int) -> float:
    """MB of anonymous memory that one pass of a clip of so many frames takes at most."""
    import threading

    spec = RefineSpec(refiner="temporal_median")
    refiner = build_refiner(spec)
    before, most, ended = _anonymous_mb(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.01):
            most = max(most, _anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    with Scratch() as scratch:
        parts = (np.full((16, 3, 256, 256), n, np.uint8) for n in range(length // 16))
        clip = scratch.join_bytes(parts)
        list(islice(iterate_passes(spec, refiner, None, Subject("a"), clip, scratch), 2))
    ended.set()
    watcher.join()
    return most - before


def _anonymous_mb() -> float:
    """What this process has in memory beside pages of files, which the system may drop."""
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return int(lines["RssAnon"].split()[0]) / 1024
