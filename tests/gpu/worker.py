"""One process that runs checks, and writes a line of JSON as each begins and ends."""

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from gpu.check import Check, LeftOut, Outputs, measure_distance, placed

REFUSED = ("prefect", "ray", "faiss", "autofaiss", "dask", "distributed")


class Refuser:
    """Has the imports of packages fail that a bare machine does not have."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> None:
        if name.split(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"{name} is refused: no engine that computes needs it")


def work(names: list[str], size: str, out: Path) -> None:
    """Runs checks by name (`family/check`), with lines appended to `out`."""
    sys.meta_path.insert(0, Refuser())
    import torch
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    on_gpu = torch.cuda.is_available()
    full = on_gpu if size == "auto" else size == "full"
    machine = (
        torch.cuda.get_device_name() if on_gpu else "no GPU: a CPU's kernels against its plain ones"
    )
    with out.open("a") as lines, tempfile.TemporaryDirectory(prefix="reelflow-gpu-") as scratch:

        def tell(**fact: Any) -> None:
            print(json.dumps(fact), file=lines, flush=True)

        tell(machine=machine, torch=torch.__version__, full=full)
        for number, name in enumerate(names):
            tell(begun=name)
            row = run_check(find_check(name), Path(scratch) / str(number), full, on_gpu)
            tell(row={"check": name} | row)
            if on_gpu and is_broken():
                sys.exit(3)  # nothing computes here any more: another process goes on


def list_checks(family: str) -> list[Check]:
    """The checks of a family."""
    return list(importlib.import_module(f"gpu.checks.{family}").CHECKS)


def find_check(name: str) -> Check:
    """A check by `family/check`."""
    family, own = name.split("/", 1)
    return next(check for check in list_checks(family) if check.name == own)


def run_check(check: Check, folder: Path, full: bool, on_gpu: bool) -> dict[str, Any]:
    """A check's row: `passed` is None where it was left out."""
    reference, subject = ("cpu", "cuda") if on_gpu else ("cpu", "plain")
    row: dict[str, Any] = {"passed": False, "reference": reference, "subject": subject,
                           "tolerance": check.tolerance}  # fmt: skip
    try:
        folder.mkdir(parents=True)
        if check.only_runs and not full:
            raise LeftOut("of the published size alone, on a GPU")
        load = check.make(folder, full)
        outputs, seconds = run_in(subject, load)
        row |= seconds | {"shapes": {k: list(v.shape) for k, v in outputs.items()}}
        expected, slow = (outputs, {}) if check.only_runs else run_in(reference, load)
        row["reference_s"] = slow.get("first_s")
        distances = {k: measure_distance(v, expected[k]) for k, v in outputs.items()}
        row |= {"distances": distances, "passed": max(distances.values()) <= check.tolerance}
    except LeftOut as reason:
        row |= {"passed": None, "error": str(reason)}
    except BaseException as error:  # the others go on
        row["error"] = f"{type(error).__name__}: {error}"[:2000]
    return row


def run_in(place: str, load: Any) -> tuple[Outputs, dict[str, Any]]:
    """The outputs in a place; seconds of loading, of a first and a second run, and peak memory."""
    import torch

    with placed(place):
        if place == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        run = load()
        loaded = time.perf_counter()
        outputs = run()
        first = time.perf_counter()
        told = {"load_s": loaded - began, "first_s": first - loaded}
        if place == "cuda":
            again = run()
            told["again_s"] = time.perf_counter() - first
            same = all(np.array_equal(again[k], v) for k, v in outputs.items())
            told |= {"same_again": same, "peak_mib": torch.cuda.max_memory_allocated() >> 20}
    return outputs, {k: round(v, 3) for k, v in told.items()}


def is_broken() -> bool:
    """Whether the GPU no longer answers this process."""
    import torch

    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False
