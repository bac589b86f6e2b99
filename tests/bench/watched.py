"""A command run and watched from outside: seconds, CPU seconds, peak memory by role."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.video.guard import worker

EVERY_S = 0.25
STAGE = Path(__file__).with_name("stage.py")


@dataclass(slots=True)
class Watched:
    """What the command printed last, and what it took; memory in MB, by role, at its highest.

    `together` is the highest sum of all its processes' memory (PSS).
    """

    said: Any = None
    status: int | None = None
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    cpu_s: float = 0.0
    rss: dict[str, float] = field(default_factory=dict)
    pss: dict[str, float] = field(default_factory=dict)
    together: float = 0.0


def stages(folder: Path, calls: list[list[Any]], **settings: object) -> Watched:
    """Runs flows in a process of their own, on the store `folder/store`."""
    own = {"REELFLOW_ROOT": folder / "store", "PREFECT_HOME": folder / "prefect"}
    own |= {f"REELFLOW_{name.upper()}": value for name, value in settings.items()}
    folder.mkdir(parents=True, exist_ok=True)
    return run([sys.executable, str(STAGE), json.dumps(calls)], {k: str(v) for k, v in own.items()})


def command(*words: str, folder: Path, **settings: object) -> Watched:
    """The command line, on the store `folder/store`; its last line must be JSON."""
    line = [sys.executable, "-m", "flows.cli.main", *words]
    own = {f"REELFLOW_{name.upper()}": str(value) for name, value in settings.items()}
    return run(line, own | {"REELFLOW_ROOT": str(folder / "store")})


def run(command: list[str], environment: dict[str, str]) -> Watched:
    """Runs a command whose last line is JSON; a RuntimeError with its output where it fails."""
    watched = watch(command, environment)
    if watched.status:
        said = f"{watched.out[-1000:]}\n{watched.err[-3000:]}"
        raise RuntimeError(f"{' '.join(command)[:300]}\n{said}")
    watched.said = json.loads(watched.out.strip().splitlines()[-1])
    return watched


def watch(command: list[str], environment: dict[str, str], limit_s: float | None = None) -> Watched:
    """Runs a command, however it ends; after `limit_s` seconds it is killed: `status` None."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | environment, text=True, start_new_session=limit_s is not None,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    watched, ended = Watched(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, watched, ended), daemon=True)
    watcher.start()
    try:
        watched.out, watched.err = process.communicate(timeout=limit_s)
        watched.status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        watched.out, watched.err = process.communicate()
    watched.seconds = time.perf_counter() - started
    ended.set()
    watcher.join()
    return watched


def _watch(pid: int, watched: Watched, ended: threading.Event) -> None:
    import psutil

    cpu: dict[int, float] = {}
    while not ended.wait(EVERY_S):
        rss: dict[str, float] = defaultdict(float)
        pss: dict[str, float] = defaultdict(float)
        try:
            root = psutil.Process(pid)
            everyone = [root, *root.children(recursive=True)]
        except psutil.Error:
            return
        for process in everyone:
            try:
                role, memory = _role(process, pid), process.memory_full_info()
                spent = process.cpu_times()
            except psutil.Error:
                continue
            rss[role] += memory.rss / 1e6
            pss[role] += getattr(memory, "pss", memory.rss) / 1e6
            cpu[process.pid] = spent.user + spent.system
        watched.cpu_s = sum(cpu.values())
        watched.together = max(watched.together, sum(pss.values()))
        for peaks, now in ((watched.rss, rss), (watched.pss, pss)):
            for role, size in now.items():
                peaks[role] = max(size, peaks.get(role, 0.0))


def _role(process: Any, driver: int) -> str:
    if process.pid == driver:
        return "driver"
    line = " ".join(process.cmdline())
    if worker.__name__ in line:
        return "decoders"
    if line.startswith("ray::") and "IDLE" not in line:
        return "workers"
    return "services"
