"""Runs of generation in the store: what was requested, planned and made, and what came of it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from data.errors import UserError
from data.ids import file_name
from data.outcome import Failed
from data.records import Prompt, Request, Source
from data.shards.lists import list_done
from data.shards.receipts import read_receipt
from data.specs.pipeline import GenerateSpec, fingerprint
from data.stamps import hash_json, utc_now
from data.store import layout
from data.store.storage import Store


@dataclass(frozen=True, slots=True)
class Run:
    """A run of generation: everything that its fingerprint names.

    `index` is the fingerprint and version of the index that is searched, `embed` the fingerprint
    of its frame vectors; both are None where nothing is retrieved. `features` is the fingerprint
    of the motion features that are taken of clips, if any are.
    """

    corpus: str
    spec: GenerateSpec
    version: str
    digests: dict[str, str]
    index: tuple[str, str] | None
    embed: str | None
    prompts: tuple[Prompt, ...]
    images: dict[str, str] = field(default_factory=dict)  # digests of first frames, by prompt
    features: str | None = None
    run: str | None = None  # its fingerprint as recorded: specs may have gained fields since

    @property
    def fingerprint(self) -> str:
        """12 hex digits; the same request to the same models and index has the same ones.

        Of a prompt's other columns those that decide its clips are among `digests`; the rest
        change no video.
        """
        if self.run is not None:
            return self.run
        prompts = [(p.id, p.text, p.where, self.images.get(p.id)) for p in self.prompts]
        bank = [self.corpus, *(self.index or ()), self.embed or ""]
        bank += [f"features {self.features}"] if self.features else []
        digests = [f"{key} {value}" for key, value in sorted(self.digests.items())]
        return fingerprint(self.spec, self.version, *digests, *bank, hash_json(prompts))

    @property
    def folder(self) -> str:
        return layout.generation_folder(self.fingerprint)


# Of a source, since 0.1.0: left out where they are None, as records without them were hashed.
LATER_FIELDS = ("fps", "start_sec", "end_sec", "excluded")


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request as it was planned, with the version of the index that was searched for it.

    `refused` is the reason and detail for which it is not even tried.
    """

    request: Request
    index: str | None = None
    refused: tuple[str, str] | None = None

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def digest(self) -> str:
        """The digest of the request and its hits."""
        record = asdict(self.request)
        for source in record["sources"]:
            for name in LATER_FIELDS:
                if source[name] is None:
                    del source[name]
        return hash_json(record)

    @property
    def failed(self) -> Failed | None:
        """The failure of a request that is not tried."""
        reason, detail = self.refused or (None, "")
        return Failed(self.request.id, reason, detail) if reason else None  # type: ignore[arg-type]


def read_request(payload: dict[str, Any]) -> PlannedRequest:
    """An item of a shard's list, from its JSON object."""
    sources = tuple(Source(**source) for source in payload["request"]["sources"])
    refused = tuple(payload["refused"]) if payload["refused"] else None
    request = Request(**payload["request"] | {"sources": sources})
    return PlannedRequest(request, payload["index"], refused)


def record_run(store: Store, run: Run) -> None:
    """Writes down the run where it is not recorded, and the prompts' columns where they changed."""
    name, made = layout.spec_file(run.folder), utc_now()
    if store.exists(name):
        recorded = read_run(store, run.fingerprint)
        if [prompt.columns for prompt in recorded.prompts] == [p.columns for p in run.prompts]:
            return
        # The first time stays: "latest" goes by it, and only columns have changed.
        made = json.loads(store.read(name))["made"]
        run = replace(recorded, prompts=run.prompts)
    payload = asdict(run) | {"spec": run.spec.model_dump(), "made": made, "run": run.fingerprint}
    store.write(name, json.dumps(payload, indent=2).encode())


def read_run(store: Store, fingerprint: str) -> Run:
    """The run that is recorded under a fingerprint; a UserError where there is none."""
    name = layout.spec_file(layout.generation_folder(fingerprint))
    # Users type the name, which must not lead out of the folder.
    if not fingerprint.isalnum() or not store.exists(name):
        raise UserError(f"no run {fingerprint!r}: `reelflow generations` lists them")
    payload = json.loads(store.read(name))
    payload.pop("made")  # of the record, not of the run
    payload["spec"] = GenerateSpec.model_validate(payload["spec"])
    payload["prompts"] = tuple(Prompt(**prompt) for prompt in payload["prompts"])
    payload["index"] = tuple(payload["index"]) if payload["index"] else None
    return Run(**payload)


def read_generations(store: Store, run: Run) -> Iterator[dict[str, Any]]:
    """The newest row of each request, in the order in which they were first planned.

    Rows are those of `tables.GENERATIONS`; `reason` is None where the video was made.
    """
    rows: dict[str, dict[str, Any]] = {}
    for shard in list_done(store, run.folder):  # attempts only grow along the shards
        for row in read_receipt(store, run.folder, shard).rows:
            rows[row["request_id"]] = row
    yield from rows.values()


def media_path(id: str) -> str:
    """The name of an output in its run's folder."""
    return f"{layout.MEDIA}/{file_name(id)}.mp4"
