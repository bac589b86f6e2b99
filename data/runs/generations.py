"""Runs of generation in the store: what was asked, planned, made, and what came of it."""

import hashlib
import json
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from data.errors import UserError
from data.ids import file_name
from data.outcome import Failed
from data.records import Prompt, Request, Source
from data.shards.lists import names
from data.specs.pipeline import GenerateSpec, fingerprint
from data.store import layout
from data.store.storage import Store


@dataclass(frozen=True, slots=True)
class Run:
    """A run of generation: everything that it is named by.

    `index` is the fingerprint and version of the bank, `embed` the fingerprint of its frame
    vectors; both are None where nothing is retrieved.
    """

    corpus: str
    spec: GenerateSpec
    version: str
    digests: dict[str, str]
    index: tuple[str, str] | None
    embed: str | None
    prompts: tuple[Prompt, ...]
    images: dict[str, str] = field(default_factory=dict)  # digests of first frames, by prompt
    run: str | None = None  # its name, where it is recorded: specs may have grown since

    @property
    def fingerprint(self) -> str:
        """12 hex digits; the same for the same question to the same models and bank."""
        if self.run is not None:
            return self.run
        said = [(p.id, p.text, p.where, self.images.get(p.id)) for p in self.prompts]
        bank = [self.corpus, *(self.index or ()), self.embed or ""]
        made_with = [f"{key} {value}" for key, value in sorted(self.digests.items())]
        return fingerprint(self.spec, self.version, *made_with, *bank, digest(said))

    @property
    def folder(self) -> str:
        return layout.generation(self.fingerprint)


@dataclass(frozen=True, slots=True)
class Planned:
    """A request as it was planned, with the version of the index that was searched for it.

    `refused` says why it is not to be tried at all: a reason and its detail.
    """

    request: Request
    index: str | None = None
    refused: tuple[str, str] | None = None

    @property
    def digest(self) -> str:
        """Stands for the request and its hits."""
        return digest(asdict(self.request))

    @property
    def failed(self) -> Failed | None:
        reason, detail = self.refused or (None, "")
        return Failed(self.request.id, reason, detail) if reason else None  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Plan:
    """A unit of work, written once; `attempt` grows when outputs are made again."""

    id: str
    attempt: int
    items: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """The receipt of a shard of requests: one row a request, as `tables.GENERATIONS` has them."""

    shard: str
    attempt: int
    rows: tuple[dict[str, Any], ...]
    wall: float = 0.0
    spared: dict[str, int] = field(default_factory=dict)  # by caches, and what had to be made
    host: str = field(default_factory=socket.gethostname)
    finished: str = field(default_factory=lambda: now())


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def digest(said: Any) -> str:
    """SHA-256 of canonical JSON, in hex."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def record(store: Store, run: Run) -> None:
    """Writes what the run is, where it is not written yet."""
    if not store.exists(layout.spec(run.folder)):
        said = asdict(run) | {"spec": run.spec.model_dump(), "made": now(), "run": run.fingerprint}
        store.write(layout.spec(run.folder), json.dumps(said, indent=2).encode())


def run_of(store: Store, fingerprint: str) -> Run:
    """The run that was recorded under a fingerprint; a UserError where there is none."""
    name = layout.spec(layout.generation(fingerprint))
    if not fingerprint.isalnum() or not store.exists(name):
        raise UserError(f"no run {fingerprint!r}: `reelflow generations` lists them")
    said = json.loads(store.read(name))
    said.pop("made")
    said["spec"] = GenerateSpec.model_validate(said["spec"])
    said["prompts"] = tuple(Prompt(**prompt) for prompt in said["prompts"])
    said["index"] = tuple(said["index"]) if said["index"] else None
    return Run(**said)


def write_plan(store: Store, folder: str, plan: Plan) -> None:
    """Writes the list of a shard's requests, with their hits."""
    store.write(layout.shard_list(folder, plan.id), json.dumps(asdict(plan)).encode())


def read_plan(store: Store, folder: str, shard: str) -> Plan:
    """The list as it was written."""
    said = json.loads(store.read(layout.shard_list(folder, shard)))
    return Plan(said["id"], said["attempt"], tuple(_planned(each) for each in said["items"]))


def _planned(said: dict[str, Any]) -> Planned:
    sources = tuple(Source(**source) for source in said["request"]["sources"])
    refused = tuple(said["refused"]) if said["refused"] else None
    return Planned(Request(**said["request"] | {"sources": sources}), said["index"], refused)


def generations(store: Store, run: Run) -> Iterator[dict[str, Any]]:
    """The newest row of each request, in the order in which they were first planned.

    Rows are those of `tables.GENERATIONS`; `reason` is None where the video was made.
    """
    rows: dict[str, dict[str, Any]] = {}
    for shard in names(store, run.folder, "receipts"):  # attempts only grow along the shards
        for row in json.loads(store.read(layout.receipt(run.folder, shard)))["rows"]:
            rows[row["request_id"]] = row
    yield from rows.values()


def media(id: str) -> str:
    """Where an output lies in its run's folder."""
    return f"{layout.MEDIA}/{file_name(id)}.mp4"
