"""A command run and watched from outside: seconds, CPU seconds, peak memory by role."""

import json
import os
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
    """What the command printed last, and what it took; memory in MB, by role, at its highest."""

    said: Any = None
    seconds: float = 0.0
    cpu_s: float = 0.0
    rss: dict[str, float] = field(default_factory=dict)
    pss: dict[str, float] = field(default_factory=dict)


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
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    watched, ended = Watched(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, watched, ended), daemon=True)
    watcher.start()
    out, err = process.communicate()
    watched.seconds = time.perf_counter() - started
    ended.set()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)[:300]}\n{out[-1000:]}\n{err[-3000:]}")
    watched.said = json.loads(out.strip().splitlines()[-1])
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
