"""The videos of a refinement as targets of an evaluation: each number of passes is a method."""

from dataclasses import replace

from data.runs.evaluations import Target
from data.runs.refinements import media_path, pass_name, read_record, read_refined
from data.store import layout
from data.store.storage import Store


def list_refined(store: Store, refinement: str) -> list[Target]:
    """Every video after every number of passes, by its lossless file; a failed one is missing."""
    record, folder = read_record(store, refinement), layout.refinement_folder(refinement)
    refiner = record["spec"]["refiner"]
    truths = {target["id"]: target for target in record["targets"]}
    targets = []
    for row in read_refined(store, refinement):
        given = truths[row["target"]]
        uri = store.path(f"{folder}/{row['file'] or media_path(row['id'], 'mkv')}")
        target = Target(
            row["id"], row["clip"], pass_name(refiner, row["number"]), uri, row["sha256"] or "",
            given["asked"],
        )  # fmt: skip
        targets.append(replace(target, truth=replace(target.truth, **given["truth"])))
    return targets
