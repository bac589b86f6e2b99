"""The precision that this machine computes fastest in."""

from pathlib import Path

from tasks.workers import count_gpus


def fastest_precision() -> str:
    """The precision this machine is fastest in: bf16 where a GPU or the CPU has it, else fp32."""
    return "bf16" if count_gpus() or _cpu_has("bf16") else "fp32"


def _cpu_has(flag: str) -> bool:
    try:
        return flag in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
