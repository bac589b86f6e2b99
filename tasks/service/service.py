"""All of reelflow on one machine: what runs, where it is found, how it is ended."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from data.settings import Settings
from tasks.service.processes import Process, end
from tasks.service.ray_head import access


@dataclass(frozen=True, slots=True)
class Service:
    """What is running, where its UI is, and the folder with its logs."""

    url: str
    folder: Path
    processes: tuple[Process, ...]
    ray: str | None = None  # the address of the one that its runs share

    @property
    def api(self) -> str:
        return f"{self.url}/api"

    @property
    def alive(self) -> bool:
        return bool(self.processes) and all(process.alive for process in self.processes)

    def having(self, process: Process) -> "Service":
        """With a process more, written down: whatever happens next, it can be stopped."""
        more = replace(self, processes=(*self.processes, process))
        said = {"url": more.url, "ray": more.ray, "processes": [asdict(p) for p in more.processes]}
        (self.folder / "service.json").write_text(json.dumps(said, indent=2))
        return more


def folder_of(settings: Settings) -> Path:
    """Where a machine keeps what runs: beside a local store, else in the working folder."""
    local = "://" not in settings.root
    return Path(settings.root if local else ".").resolve() / "service"


def read(folder: Path) -> Service | None:
    """The service as it was started, running or not; None where none was."""
    file = folder / "service.json"
    if not file.is_file():
        return None
    said = json.loads(file.read_text())
    processes = tuple(Process(**each) for each in said["processes"])
    return Service(said["url"], folder, processes, said.get("ray"))


def joining(service: Service) -> dict[str, str]:
    """What the environment of a run must say, where runs share a Ray; nothing where they do not."""
    if service.ray is None:
        return {}
    return {"REELFLOW_RAY_ADDRESS": service.ray, **access(service.folder)}


def stop(service: Service) -> list[str]:
    """Ends the worker and what it runs, then the server; the names of those that were running."""
    ended = []
    for process in reversed(service.processes):
        if process.alive:
            end(process)
            ended.append(process.name)
    (service.folder / "service.json").unlink(missing_ok=True)
    return ended
