"""The precision that this machine computes fastest in."""

from pathlib import Path

from tasks.workers import count_gpus

CPU_INFO = Path("/proc/cpuinfo")


def fastest_precision() -> str:
    """bf16 where there is a GPU, or a CPU that gains by it, else fp32."""
    return "bf16" if count_gpus() or gains_by_bf16(_read_cpu()) else "fp32"


def gains_by_bf16(cpu: str) -> bool:
    """Whether a CPU, as /proc/cpuinfo describes it, computes faster in bf16 than in fp32."""
    # Intel's gain by AMX alone: with AVX512-BF16 but without it, ViT-B-32 made 10.4 frames/s in
    # bf16 and 15.2 in fp32; an AMD EPYC with AVX512-BF16 makes twice as many in bf16.
    return ("amx_bf16" if "GenuineIntel" in cpu else "bf16") in cpu


def _read_cpu() -> str:
    try:
        return CPU_INFO.read_text()
    except OSError:
        return ""
