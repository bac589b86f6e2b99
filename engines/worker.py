"""How a worker is set up: the fields that the workers of every stage have in common."""

from dataclasses import dataclass, field

from engines.base import Needs
from engines.files.access import UrlPolicy


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """Resources and limits of a worker; they change its speed, never its results.

    Flows build it from the settings and hand it to the workers, which may run on other machines:
    an engine reads no environment of its own. A stage with more to set subclasses it.
    """

    decoders: int = 1
    decode_deadline_s: float = 60.0
    decoder_memory_gb: float = 4.0
    needs: Needs = field(default_factory=Needs)
    url_policy: UrlPolicy = field(default_factory=UrlPolicy)


@dataclass(frozen=True, slots=True)
class ModelSetup(WorkerSetup):
    """A worker with a model: the `threads` of a local one, and the `server` of a remote one.

    `concurrent_requests` go to a server at once; each may take `request_deadline_s`, and is tried
    `attempts` times. The key is never in a spec, a store or a log.
    """

    threads: int = 1
    server: str | None = None
    api_key: str | None = field(default=None, repr=False)
    concurrent_requests: int = 8
    request_deadline_s: float = 120.0
    attempts: int = 4
