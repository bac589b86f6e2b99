"""How busy this machine is."""

import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass

import psutil

from tasks.workers import gpus

ASKED_S = 10.0  # a GPU that does not answer is left out
RAY = "ray::"  # how Ray's workers title their processes, as ray::IDLE or ray::Actor.method
MIB = 2**20  # nvidia-smi's unit
FIELDS = "utilization.gpu,memory.used,memory.total,name"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: how much of the time it computed, in percent, and its memory in bytes."""

    name: str
    busy: float
    memory_used: float
    memory: float


@dataclass(frozen=True, slots=True)
class Load:
    """CPU of all cores in percent since the last call, memory in bytes, GPUs, Ray's workers."""

    cpu: float
    memory_used: int
    memory: int
    gpus: tuple[Gpu, ...]
    ray_busy: int
    ray_idle: int


def load() -> Load:
    """This machine, now."""
    memory, ray = psutil.virtual_memory(), _ray_workers()
    busy = ray.total() - ray["IDLE"]
    used = memory.total - memory.available
    return Load(psutil.cpu_percent(), used, memory.total, _gpus(), busy, ray["IDLE"])


def _gpus() -> tuple[Gpu, ...]:
    program = shutil.which("nvidia-smi") if gpus() else None
    if program is None:
        return ()
    asked = [program, f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"]
    try:
        ran = subprocess.run(asked, capture_output=True, text=True, timeout=ASKED_S)
    except subprocess.TimeoutExpired:
        return ()
    return tuple(read(line) for line in ran.stdout.splitlines() if ran.returncode == 0)


def read(line: str) -> Gpu:
    """One line of nvidia-smi; a figure that the GPU does not give is 0."""
    *figures, name = line.split(", ", FIELDS.count(","))
    busy, used, total = (float(f) if f.strip().isdigit() else 0.0 for f in figures)
    return Gpu(name.strip(), busy, used * MIB, total * MIB)


def _ray_workers() -> Counter[str]:
    """What Ray's workers of this machine do, by the titles of their processes."""
    titles = Counter[str]()
    for process in psutil.process_iter(["cmdline"]):
        title = (process.info["cmdline"] or [""])[0]
        if title.startswith(RAY):
            titles[title.removeprefix(RAY)] += 1
    return titles
