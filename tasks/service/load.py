"""Measures how busy this machine is: CPU, memory, GPUs, Ray workers."""

import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass

import psutil

from tasks.workers import count_gpus

TIMEOUT_S = 10.0  # a driver that hangs must not hang `top`: its GPUs are left out
RAY_PREFIX = "ray::"  # of the titles of Ray's worker processes: ray::IDLE, ray::Actor.method
MIB = 2**20  # nvidia-smi's unit
FIELDS = "utilization.gpu,memory.used,memory.total,name"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: the share of time it was computing, in percent, and its memory in bytes."""

    name: str
    busy: float
    memory_used: float
    memory: float


@dataclass(frozen=True, slots=True)
class Load:
    """CPU use of all cores in percent since the last call, memory in bytes, GPUs, Ray workers."""

    cpu: float
    memory_used: int
    memory: int
    gpus: tuple[Gpu, ...]
    ray_busy: int
    ray_idle: int


def measure_load() -> Load:
    """Measures this machine's current load."""
    memory, ray = psutil.virtual_memory(), _count_ray_workers()
    busy = ray.total() - ray["IDLE"]
    used = memory.total - memory.available
    return Load(psutil.cpu_percent(), used, memory.total, _query_gpus(), busy, ray["IDLE"])


def _query_gpus() -> tuple[Gpu, ...]:
    program = shutil.which("nvidia-smi") if count_gpus() else None
    if program is None:
        return ()
    command = [program, f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return ()
    return tuple(parse_gpu(line) for line in result.stdout.splitlines() if result.returncode == 0)


def parse_gpu(line: str) -> Gpu:
    """Parses a line of nvidia-smi; a figure that the GPU does not report is 0."""
    *figures, name = line.split(", ", FIELDS.count(","))
    busy, used, total = (float(f) if f.strip().isdigit() else 0.0 for f in figures)
    return Gpu(name.strip(), busy, used * MIB, total * MIB)


def _count_ray_workers() -> Counter[str]:
    """Counts this machine's Ray workers by what they do, which Ray puts into process titles."""
    titles = Counter[str]()
    for process in psutil.process_iter(["cmdline"]):
        title = (process.info["cmdline"] or [""])[0]
        if title.startswith(RAY_PREFIX):
            titles[title.removeprefix(RAY_PREFIX)] += 1
    return titles
