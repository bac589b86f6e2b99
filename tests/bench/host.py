"""The machine that figures were measured on, in words."""

import os
import platform
import subprocess
from pathlib import Path


def describe() -> dict[str, str]:
    """CPU, cores, memory, GPU, and how busy others kept it."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    return {
        "cpu": _cpu(),
        "cores": f"{len(os.sched_getaffinity(0))} cores",
        "memory": f"{memory:.0f} GiB",
        "gpu": _gpu(),
        "load": f"load {os.getloadavg()[0]:.1f} at the start",
    }


def name(machine: dict[str, str]) -> str:
    """The machine in words, without how busy it was."""
    return ", ".join(value for part, value in machine.items() if part != "load")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    kinds = " with AVX512-BF16" if any("avx512_bf16" in line for line in lines) else ""
    return (names[0] if names else platform.machine()) + kinds


def _gpu() -> str:
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        found = ""
    return found.replace("\n", " + ") or "no GPU"
