"""Start-up: the CPU of commands in cold processes, of first runs, and of a corpus by runner."""

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import footage, watched
from bench.figures import Figure
from bench.job import Job

TORCH = [sys.executable, "-c", "import torch"]
OPEN_CLIP = [sys.executable, "-c", "import open_clip"]
COMMAND = [sys.executable, "-m", "flows.cli.main"]
CORPUS = "bench"
SPEC = {"model": "reelflow-tiny", "precision": "fp32"}  # bundled: what remains is start-up


def measure(job: Job) -> Iterator[Figure]:
    if not footage.REAL.is_dir():
        return
    clips = footage.real(job.out / "clips", 1)
    source = footage.table(clips, job.scratch / "eight.parquet")
    for runner in ("ray", "process"):
        folder = job.scratch / f"startup-{runner}"
        ran = watched.stages(folder, _calls(source), runner=runner)
        [embed] = [call for call in ran.said["calls"] if call["name"] == "embed"]
        what = f"{len(clips)} clips from nothing to an index, {runner}"
        yield Figure("startup", f"{what}: CPU of everything", ran.cpu_s, "s")
        yield Figure("startup", f"{what}: embed", embed["seconds"], "s")
    yield from _measure_commands(folder / "store", job.size(5, 2))
    yield from _measure_first_run(job)


def _measure_first_run(job: Job) -> Iterator[Figure]:
    """Of four fakes: as on a machine that has never had one, and then of other corpora."""
    home = {"PREFECT_HOME": str(job.scratch / "startup-prefect")}
    again: list[float] = []
    for number in range(job.size(4, 2)):
        run = [*COMMAND, "run", f"fakes-{number}", "--source", "fake://4", "--engine", "fake"]
        spent = _spend_cpu(run, job.scratch / "startup-fakes", **home)
        if number:
            again.append(spent)
        else:
            yield Figure("startup", "a machine's first run, of four fakes: CPU", spent, "s")
    yield Figure("startup", "a later first run of four fakes: CPU", statistics.median(again), "s")


def _measure_commands(store: Path, times: int) -> Iterator[Figure]:
    """Each command in turn, beside torch: on a busy machine all take more CPU, ratios do not."""
    commands = {
        "import torch": TORCH,
        "import open_clip, whole": OPEN_CLIP,
        "search by text": [*COMMAND, "search", CORPUS, "a red circle"],
        "run with nothing to do": [*COMMAND, "run", CORPUS],
        "status": [*COMMAND, "status", CORPUS],
    }
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            spent[name].append(_spend_cpu(command, store))
    torch = spent["import torch"]
    for name, seconds in spent.items():
        most = {"search by text": 3.0, "run with nothing to do": 3.0}.get(name)
        yield Figure("startup", f"{name}: CPU", statistics.median(seconds), "s", most=most)
        ratios = [a / b for a, b in zip(seconds, torch, strict=True)]
        yield Figure("startup", f"{name}: CPU by import torch", statistics.median(ratios), "×")


def _calls(source: Path) -> list[list]:
    return [
        ["ingest", {"source": str(source), "corpus": CORPUS}],
        ["embed", {"corpus": CORPUS, "spec": SPEC}],
        ["pool", {"corpus": CORPUS}],
        ["index", {"corpus": CORPUS, "spec": {"gate": 0}}],
    ]


def _spend_cpu(command: list[str], store: Path, **environment: str) -> float:
    """The seconds of CPU, user's and system's, of a command and all that it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = os.environ | {"REELFLOW_ROOT": str(store)} | environment
    own.pop("PREFECT_API_URL", None)
    subprocess.run(command, env=own, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
