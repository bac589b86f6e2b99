"""The service on one machine: which processes run, where that is recorded, how they end."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from data.settings import Settings
from tasks.service.processes import Process, end_process
from tasks.service.ray_head import ensure_token


@dataclass(frozen=True, slots=True)
class Service:
    """A service: the URL of its UI, the folder of its logs, and its processes."""

    url: str
    folder: Path
    processes: tuple[Process, ...]
    ray: str | None = None  # the address of the Ray that its runs share

    @property
    def api(self) -> str:
        """The URL of its API."""
        return f"{self.url}/api"

    @property
    def alive(self) -> bool:
        """Whether all of its processes are running."""
        return bool(self.processes) and all(process.alive for process in self.processes)

    def add_process(self, process: Process) -> "Service":
        """Returns the service with one more process, and records it.

        Recorded at once, before the next one starts: whatever happens then, it can be stopped.
        """
        service = replace(self, processes=(*self.processes, process))
        processes = [asdict(each) for each in service.processes]
        record = {"url": service.url, "ray": service.ray, "processes": processes}
        (self.folder / "service.json").write_text(json.dumps(record, indent=2))
        return service


def service_folder(settings: Settings) -> Path:
    """Returns the folder of a machine's service: in a local store, else in the working folder."""
    local = "://" not in settings.root
    return Path(settings.root if local else ".").resolve() / "service"


def read_service(folder: Path) -> Service | None:
    """Reads the service as it was started, running or not; None if none was started."""
    file = folder / "service.json"
    if not file.is_file():
        return None
    record = json.loads(file.read_text())
    processes = tuple(Process(**each) for each in record["processes"])
    return Service(record["url"], folder, processes, record.get("ray"))


def ray_environment(service: Service) -> dict[str, str]:
    """Returns the environment by which a run joins the shared Ray; {} if there is none."""
    if service.ray is None:
        return {}
    return {"REELFLOW_RAY_ADDRESS": service.ray, **ensure_token(service.folder)}


def stop_service(service: Service) -> list[str]:
    """Ends the worker with its runs, then the server, and returns the names of those that ran."""
    ended = []
    # In reverse: the worker still reports its cancelled runs to the server.
    for process in reversed(service.processes):
        if process.alive:
            end_process(process)
            ended.append(process.name)
    (service.folder / "service.json").unlink(missing_ok=True)
    return ended
