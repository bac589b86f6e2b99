"""Checks what this machine has: hardware, packages, codecs, disk space."""

import importlib.metadata as metadata
import shutil
from dataclasses import dataclass
from pathlib import Path

from data.errors import UserError
from tasks.precision import fastest_precision
from tasks.service.shipped import find_shipped, is_clone
from tasks.workers import count_cores, count_gpus

PACKAGES = ("prefect", "ray", "dask", "duckdb", "pyarrow", "torch", "torchvision", "av",
            "open_clip_torch", "autofaiss")  # fmt: skip
CODECS = ("h264", "hevc", "av1", "vp9", "mpeg4")


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: whether it passed, what was found, and how to fix it."""

    name: str
    good: bool
    found: str
    fix: str = ""


def check_machine() -> list[Check]:
    """Runs every check, the most general first."""
    return [
        *_check_hardware(),
        *_check_packages(),
        *_check_codecs(),
        _check_shipped(),
        _check_disk(),
    ]


def _check_hardware() -> list[Check]:
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    gpus = count_gpus()
    return [
        Check("cores", True, str(count_cores())),
        Check("memory", memory >= 4, f"{memory:.0f} GiB", "at least 4 GiB are needed"),
        Check("GPU", True, str(gpus) if gpus else "none: the CPU is used"),
        Check("bf16", True, "yes" if fastest_precision() == "bf16" else "no: fp32 is used"),
        _check_weights(),
    ]


def _check_weights() -> Check:
    from engines import bundled

    return Check("bundled model", bundled.WEIGHTS.is_file(), bundled.NAME, "install reelflow again")


def _check_packages() -> list[Check]:
    checks, install = [], "make setup" if is_clone() else "uv pip install --reinstall reelflow"
    for name in (*PACKAGES, "s3fs"):
        try:
            checks.append(Check(name, True, metadata.version(name)))
        except metadata.PackageNotFoundError:
            fix = "uv pip install 'reelflow[s3]'" if name == "s3fs" else install
            checks.append(Check(name, False, "", fix))
    return checks


def _check_codecs() -> list[Check]:
    import av

    fix = "install a PyAV wheel built with it: uv pip install --reinstall av"
    available = av.codecs_available
    # FFmpeg decodes these by any of several libraries.
    decoders = {"av1": ("av1", "libdav1d"), "vp9": ("vp9", "libvpx-vp9")}
    return [
        Check(
            f"decodes {codec}", any(n in available for n in decoders.get(codec, (codec,))), "", fix
        )
        for codec in CODECS
    ]


def _check_shipped() -> Check:
    try:
        return Check("deployments", True, str(find_shipped() / "deployments"))
    except UserError as error:
        return Check("deployments", False, "", str(error))


def _check_disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Check("free disk", free > 1, f"{free:.0f} GiB", "free some space")
