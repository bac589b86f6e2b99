"""What this machine has."""

import importlib.metadata as metadata
import shutil
from dataclasses import dataclass
from pathlib import Path

from tasks.workers import cores, gpus

PACKAGES = ("prefect", "ray", "dask", "duckdb", "pyarrow", "torch", "torchvision", "av",
            "open_clip_torch", "autofaiss")  # fmt: skip
CODECS = ("h264", "hevc", "av1", "vp9", "mpeg4")
INSTALL = "uv pip sync --require-hashes requirements.lock"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: whether it is there, what was found, and how to get it."""

    name: str
    good: bool
    found: str
    mend: str = ""


def fastest_precision() -> str:
    """bf16 where a GPU or this CPU computes in it, else fp32."""
    return "bf16" if gpus() or _cpu_has("bf16") else "fp32"


def examine() -> list[Check]:
    """Every check, in the order a person would ask."""
    return [*_hardware(), *_packages(), *_codecs(), _disk()]


def _hardware() -> list[Check]:
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    found = gpus()
    return [
        Check("cores", True, str(cores())),
        Check("memory", memory >= 4, f"{memory:.0f} GiB", "at least 4 GiB are needed"),
        Check("GPU", True, str(found) if found else "none: the CPU is used"),
        Check("bf16", True, "yes" if fastest_precision() == "bf16" else "no: fp32 is used"),
        _weights(),
    ]


def _weights() -> Check:
    from engines import bundled

    there = bundled.WEIGHTS.is_file()
    return Check("bundled model", there, bundled.NAME, "check the repository out again")


def _packages() -> list[Check]:
    checks = []
    for name in (*PACKAGES, "s3fs"):
        try:
            checks.append(Check(name, True, metadata.version(name)))
        except metadata.PackageNotFoundError:
            extra = "uv pip install 'reelflow[s3]'" if name == "s3fs" else INSTALL
            checks.append(Check(name, False, "", extra))
    return checks


def _codecs() -> list[Check]:
    import av

    mend = "install a PyAV wheel built with it: uv pip install --reinstall av"
    known = av.codecs_available
    decoders = {"av1": ("av1", "libdav1d"), "vp9": ("vp9", "libvpx-vp9")}
    return [
        Check(f"decodes {codec}", any(n in known for n in decoders.get(codec, (codec,))), "", mend)
        for codec in CODECS
    ]


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Check("free disk", free > 1, f"{free:.0f} GiB", "free some space")


def _cpu_has(flag: str) -> bool:
    try:
        return flag in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
