"""Refinements in the store: which videos are refined, how, and what came of each pass."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from data.errors import UserError
from data.ids import file_name
from data.runs.evaluations import GroundTruthRef, Target
from data.shards.lists import list_done
from data.shards.receipts import read_receipt
from data.specs.pipeline import fingerprint
from data.specs.refine import RefineSpec
from data.stamps import hash_json, utc_now
from data.store import layout
from data.store.storage import Store

VERSION = "1"  # part of every fingerprint: raise it only if all refined videos change


@dataclass(frozen=True)
class Refinement:
    """Everything that a refinement's fingerprint names.

    `source` is the run or folder that the `targets` are of; `parts` are the versions of refiner
    and corruption and the digests of weights.
    """

    source: str
    spec: RefineSpec
    parts: dict[str, str]
    targets: tuple[Target, ...]

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits; the same for the same videos, whatever folder they lie in."""
        targets = [(t.id, t.content, t.asked.get("prompt", "")) for t in self.targets]
        return fingerprint(self.spec, VERSION, hash_json([sorted(self.parts.items()), targets]))

    @property
    def folder(self) -> str:
        return layout.refinement_folder(self.fingerprint)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The passes that are kept, 0 for the videos as they came."""
        return (0, *self.spec.iterations)


@dataclass(frozen=True, slots=True)
class PlannedPass:
    """One video after one number of passes: an item of a shard's list."""

    id: str
    target: Target
    number: int


def pass_id(target: str, number: int) -> str:
    """The id of a video after so many passes: `dog-3@8`."""
    return f"{target}@{number}"


def pass_name(refiner: str, number: int) -> str:
    """The method as which a pass is measured, which sorts as numbers do: `unet, pass 08`."""
    return f"{refiner}, pass {number:02d}"


def media_path(id: str, ending: str) -> str:
    """The file of a refined video in its folder: `mkv` to measure it by, `mp4` to look at."""
    return f"{layout.MEDIA}/{file_name(id)}.{ending}"


def read_pass(payload: dict[str, Any]) -> PlannedPass:
    """An item of a shard's list, from its JSON object."""
    truth = GroundTruthRef(**payload["target"]["truth"])
    return PlannedPass(**payload | {"target": Target(**payload["target"] | {"truth": truth})})


def record_refinement(store: Store, refinement: Refinement) -> None:
    """Writes the refinement's record where there is none yet."""
    name = layout.spec_file(refinement.folder)
    if not store.exists(name):
        record = {
            "refinement": refinement.fingerprint, "made": utc_now(), "source": refinement.source,
            # Paths of weights belong to one machine; `parts` names them everywhere.
            "spec": refinement.spec.model_dump(exclude={"weights"}), "parts": refinement.parts,
            "targets": [asdict(target) for target in refinement.targets],
        }  # fmt: skip
        store.write(name, json.dumps(record, indent=2).encode())


def read_record(store: Store, name: str) -> dict[str, Any]:
    """The record of a refinement; a UserError where there is none of this name."""
    file = layout.spec_file(layout.refinement_folder(name))
    # Users type the name, which must not lead out of the folder.
    if not name.isalnum() or not store.exists(file):
        raise UserError(f"no refinement {name!r}: `reelflow refinements` lists them")
    return json.loads(store.read(file))


def is_refinement(store: Store, name: str) -> bool:
    """Whether there is a refinement of this name."""
    file = layout.spec_file(layout.refinement_folder(name)) if name.isalnum() else ""
    return bool(file) and store.exists(file)


def find_run(store: Store, name: str) -> str | None:
    """The run of generation that `name` is, or that it is a refinement of; None for neither.

    A name that is neither run nor refinement is taken for a run: whoever reads it says so.
    """
    if not is_refinement(store, name):
        return name
    source = read_record(store, name)["source"]
    spec = layout.spec_file(layout.generation_folder(source)) if source.isalnum() else ""
    return source if spec and store.exists(spec) else None


def read_refined(store: Store, name: str) -> Iterator[dict[str, Any]]:
    """The newest row of `REFINED` of each video and pass, in the order of both."""
    folder = layout.refinement_folder(name)
    rows = {
        row["id"]: row
        for shard in list_done(store, folder)  # attempts only grow along the shards
        for row in read_receipt(store, folder, shard).rows
    }
    yield from sorted(rows.values(), key=lambda row: (row["target"], row["number"]))


def list_refinements(store: Store) -> list[dict[str, Any]]:
    """The records of all refinements, without their targets, the newest first."""
    folders = store.list_names(layout.REFINEMENTS)
    records = [
        json.loads(store.read(name))
        for folder in folders
        if store.exists(name := layout.spec_file(folder))
    ]
    for record in records:
        record["videos"] = len(record.pop("targets"))
    return sorted(records, key=lambda record: record["made"], reverse=True)


def find_refined(store: Store, contents: set[str], id: str = "") -> list[dict[str, Any]]:
    """The rows of refined videos that were made from these bytes, have them, or have this id.

    Contents are SHA-256 as targets have them; a row has its `refinement` and `refiner`, and its
    files with their full paths.
    """
    found = []
    for record in list_refinements(store) if contents or id else ():
        name = record["refinement"]
        for row in read_refined(store, name):
            if row["id"] == id or {row["content"], row["sha256"], row["view_sha256"]} & contents:
                found.append(_resolve_files(store, row | {
                    "refinement": name, "refiner": record["spec"]["refiner"],
                }))  # fmt: skip
    return found


def _resolve_files(store: Store, row: dict[str, Any]) -> dict[str, Any]:
    folder = layout.refinement_folder(row["refinement"])
    paths = {key: row[key] and store.path(f"{folder}/{row[key]}") for key in ("file", "view")}
    return row | paths
