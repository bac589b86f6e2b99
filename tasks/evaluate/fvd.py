"""A distance between two sets of clips: measured of their features, and written down in full."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.outcome import Failed
from data.runs.distances import CLIPS, Clip, ClipSet, settled, vectors
from data.runs.generations import digest, now
from data.specs.distance import PROTOCOLS, DistanceSpec
from data.specs.pipeline import fingerprint
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import plugin
from engines.evaluate.distance.clips import rule
from engines.evaluate.distance.extractor import extractor, pinned
from engines.evaluate.distance.frechet import Distance, between
from engines.evaluate.distance.kernel import kvd_unbiased
from engines.evaluate.distance.moments import Moments
from engines.evaluate.distance.report import DDOF, noise_floor, spread
from tasks.evaluate.features import Features

VERSION = "1"


def asked(spec: DistanceSpec) -> DistanceSpec:
    """The spec with the digest of its weights; a UserError where it cannot be followed."""
    extractor(spec.clip)
    return spec.model_copy(update={"clip": pinned(spec.clip)})


@dataclass(frozen=True, slots=True)
class Side:
    """The clips of one set that have a feature, in the order of their draw, and their features."""

    chosen: ClipSet
    clips: tuple[Clip, ...]
    features: np.ndarray
    failed: tuple[Failed, ...]


def side(chosen: ClipSet, run: Features) -> Side:
    """A set with its features. A UserError where fewer than two clips have one."""
    store, folder = run.workspace.store, run.folder
    found = vectors(store, folder, (clip.id for clip in chosen.clips))
    faults = settled(store, folder)
    failed, clips = list(chosen.failed), list[Clip]()
    for clip in chosen.clips:
        if clip.id in found:
            clips.append(clip)
        elif fault := faults.get(clip.id):
            failed.append(Failed(clip.name, fault.reason, fault.detail))
    if len(clips) < 2:
        why = f"; {failed[0].id}: {failed[0].detail}" if failed else ""
        raise UserError(f"{len(clips)} clips of {chosen.source} went through: two are needed{why}")
    return Side(chosen, tuple(clips), np.stack([found[clip.id] for clip in clips]), tuple(failed))


@task(name="measure-distance", cache_policy=NO_CACHE, persist_result=False)
def measure_distance(
    workspace: Workspace, run: Features, spec: DistanceSpec, real: ClipSet, generated: ClipSet
) -> dict[str, Any]:
    """The distances, and everything that they hang on; written to the store, the result last."""
    sides = {"real": side(real, run), "generated": side(generated, run)}
    lists = {name: _list_digest(each.clips) for name, each in sides.items()}
    found = fingerprint(spec, VERSION, run.fingerprint, *lists.values())
    module = plugin("evaluate.distance.extractors", spec.clip.extractor)
    result = {
        "distance": found, "made": now(), "metric": module.LABEL, "kernel_metric": module.KERNEL,
        **_measured(spec, sides["real"], sides["generated"]),
        "protocol": _protocol(spec, run), "sets": {n: _said(s, lists[n]) for n, s in sides.items()},
        "notes": _notes(spec, sides),
    }  # fmt: skip
    _write(workspace, layout.distance(found), result, sides, run.fingerprint)
    return result


def _measured(spec: DistanceSpec, real: Side, generated: Side) -> dict[str, Any]:
    """Sums run over clips in the order of their ids: draws of another order give equal bits."""
    one, two = (_sorted(each) for each in (real, generated))
    floor = noise_floor(real.features, generated.features)
    spreads = spread(real.features, generated.features, spec.subsets, spec.subset_size, spec.seed)
    return {
        **_distance(between(one, two, DDOF)),
        "kernel": kvd_unbiased(one, two),
        "floor": floor and {
            "n": floor.n,
            "real_against_real": _distance(floor.floor) | {"kernel": floor.floor_kernel},
            "real_against_generated": _distance(floor.distance) | {"kernel": floor.kernel},
        },
        "subsets": spreads and asdict(spreads),
    }  # fmt: skip


def _sorted(side: Side) -> np.ndarray:
    return side.features[np.argsort([clip.id for clip in side.clips], kind="stable")]


def _distance(found: Distance) -> dict[str, Any]:
    return {"value": found.total, **asdict(found)}


def _protocol(spec: DistanceSpec, run: Features) -> dict[str, Any]:
    """Everything that changes the figures, the sets apart."""
    clip, model = spec.clip, extractor(spec.clip)
    return {
        "name": spec.protocol, "extractor": clip.extractor, "extractor_version": run.version,
        "weights_sha256": clip.sha256, "features": run.fingerprint, "frames": clip.frames,
        "stride": clip.stride, "fps": clip.fps, "size": model.size, "values": model.values,
        "resize": rule(clip) if model.size else None, "dtype": "float32",
        "moments": "float64", "ddof": DDOF, "real_window": spec.real_window,
        "generated_window": spec.generated_window, "n_real": spec.n_real,
        "n_generated": spec.n_generated, "seed": spec.seed,
    }  # fmt: skip


def _said(side: Side, list_digest: str) -> dict[str, Any]:
    return {
        "source": side.chosen.source, "available": side.chosen.available, "clips": len(side.clips),
        "unique_clips": len({clip.id for clip in side.clips}), "failed": len(side.failed),
        "list_sha256": list_digest,
    }  # fmt: skip


def _notes(spec: DistanceSpec, sides: dict[str, Side]) -> list[str]:
    """What a reader should know before comparing the figures with others."""
    notes = []
    for name, each in sides.items():
        wanted = spec.n_real if name == "real" else spec.n_generated
        if wanted is not None and len(each.clips) < wanted:
            notes.append(f"{len(each.clips)} {name} clips, of the {wanted} that were asked for")
        if unique := len(each.clips) - len({clip.id for clip in each.clips}):
            notes.append(f"{unique} {name} clips are copies of others")
    if len({len(each.clips) for each in sides.values()}) > 1:
        notes.append("the sets differ in size: compare only with figures of the same sizes")
    if notes and spec.protocol in PROTOCOLS:
        notes.append(f"not comparable with published figures of {spec.protocol}")
    return notes


def _list_digest(clips: Sequence[Clip]) -> str:
    """SHA-256 of which clips these are, by their bytes and first frames."""
    return digest(sorted(clip.id for clip in clips))


def _write(
    workspace: Workspace, folder: str, result: dict[str, Any], sides: dict[str, Side], made: str
) -> None:
    """The moments of both sets, the lists of clips, and last the result."""
    workspace.store.drop_partials(folder)
    for name, each in sides.items():
        ids = sorted(clip.id for clip in each.clips)
        with workspace.store.create(f"{folder}/{name}.npz") as file:
            Moments.of(_sorted(each), ids, made).save(file)
    with tables.create(workspace.store, f"{folder}/clips.parquet", CLIPS) as writer:
        writer.write_table(pa.Table.from_pylist(_rows(sides), CLIPS))
    workspace.store.write(f"{folder}/result.json", json.dumps(result, indent=2).encode())


def _rows(sides: dict[str, Side]) -> list[dict[str, Any]]:
    empty = dict.fromkeys(CLIPS.names)
    rows = []
    for name, each in sides.items():
        rows += [empty | asdict(clip) | {"set": name, "id": clip.name} for clip in each.clips]
        rows += [empty | asdict(failed) | {"set": name} for failed in each.failed]
    return [{key: row[key] for key in CLIPS.names} for row in rows]
