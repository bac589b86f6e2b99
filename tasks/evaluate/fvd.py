"""Distances between two sets of clips (FVD, KVD), recorded with all that they depend on."""

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
from data.runs.distances import CLIPS, Clip, ClipSet, read_answers, read_features
from data.specs.distance import PROTOCOLS, DistanceSpec
from data.specs.pipeline import fingerprint
from data.stamps import hash_json, utc_now
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import load_plugin
from engines.evaluate.distance.clips import describe_resize
from engines.evaluate.distance.extractor import build_extractor, pin_weights
from engines.evaluate.distance.frechet import Distance, compute_frechet
from engines.evaluate.distance.kernel import kvd_unbiased
from engines.evaluate.distance.moments import Moments
from engines.evaluate.distance.report import DDOF, compute_noise_floor, compute_spread
from tasks.evaluate.features import Features

VERSION = "1"


def pin_spec(spec: DistanceSpec, option: str = "--weights") -> DistanceSpec:
    """The spec with the digest of its weights; a UserError where its extractor cannot run.

    `option` is what names its weights on the command line.
    """
    build_extractor(spec.clip)
    return spec.model_copy(update={"clip": pin_weights(spec.clip, option)})


@dataclass(frozen=True, slots=True)
class Side:
    """One set's clips that have features, in the order drawn; `features` are (clips, rows, d)."""

    clip_set: ClipSet
    clips: tuple[Clip, ...]
    features: np.ndarray
    failed: tuple[Failed, ...]


def load_side(clip_set: ClipSet, run: Features) -> Side:
    """Reads the features of a set; a UserError where fewer than two clips have one."""
    store, folder = run.workspace.store, run.folder
    features = read_features(store, folder, (clip.id for clip in clip_set.clips))
    faults = read_answers(store, folder)
    failed, clips = list(clip_set.failed), list[Clip]()
    for clip in clip_set.clips:
        if clip.id in features:
            clips.append(clip)
        elif fault := faults.get(clip.id):
            failed.append(Failed(clip.name, fault.reason, fault.detail))
    if len(clips) < 2:
        why = f"; {failed[0].id}: {failed[0].detail}" if failed else ""
        raise UserError(
            f"only {len(clips)} clips of {clip_set.source} could be used, and 2 are needed{why}"
        )
    vectors = np.stack([features[clip.id] for clip in clips])
    return Side(clip_set, tuple(clips), vectors, tuple(failed))


@task(name="measure-distance", cache_policy=NO_CACHE, persist_result=False)
def measure_distance(
    workspace: Workspace, run: Features, spec: DistanceSpec, real: ClipSet, generated: ClipSet
) -> dict[str, Any]:
    """Measures the distances and writes them with all that they depend on, the result last."""
    sides = {"real": load_side(real, run), "generated": load_side(generated, run)}
    lists = {name: _digest_list(each.clips) for name, each in sides.items()}
    distance = fingerprint(spec, VERSION, run.fingerprint, *lists.values())
    module = load_plugin("evaluate.distance.extractors", spec.clip.extractor)
    result = {
        "distance": distance, "made": utc_now(), "metric": module.LABEL,
        "kernel_metric": module.KERNEL,
        **_measure_sides(spec, sides["real"], sides["generated"]),
        "protocol": _describe_protocol(spec, run),
        "sets": {name: _describe_side(each, lists[name]) for name, each in sides.items()},
        "notes": _list_notes(spec, sides),
    }  # fmt: skip
    _write_result(workspace, layout.distance_folder(distance), result, sides, run.fingerprint)
    return result


def _measure_sides(spec: DistanceSpec, real: Side, generated: Side) -> dict[str, Any]:
    """The Fréchet and kernel distances, their noise floor, and their spread over subsets."""
    real_sorted, generated_sorted = _sort_features(real), _sort_features(generated)
    floor = compute_noise_floor(real.features, generated.features)
    spreads = compute_spread(
        real.features, generated.features, spec.subsets, spec.subset_size, spec.seed
    )
    return {
        **_distance_fields(compute_frechet(real_sorted, generated_sorted, DDOF)),
        "kernel": kvd_unbiased(real_sorted, generated_sorted),
        "floor": floor and {
            "n": floor.n,
            "real_against_real": _distance_fields(floor.floor) | {"kernel": floor.floor_kernel},
            "real_against_generated": _distance_fields(floor.distance) | {"kernel": floor.kernel},
        },
        "subsets": spreads and asdict(spreads),
    }  # fmt: skip


def _sort_features(side: Side) -> np.ndarray:
    # Sums in the order of ids: the same clips drawn in another order give the same bits.
    return side.features[np.argsort([clip.id for clip in side.clips], kind="stable")]


def _distance_fields(distance: Distance) -> dict[str, Any]:
    return {"value": distance.total, **asdict(distance)}


def _describe_protocol(spec: DistanceSpec, run: Features) -> dict[str, Any]:
    """Everything that changes the figures, except for the sets."""
    clip, model = spec.clip, build_extractor(spec.clip)
    return {
        "name": spec.protocol, "extractor": clip.extractor, "extractor_version": run.version,
        "weights_sha256": clip.sha256, "features": run.fingerprint, "frames": clip.frames,
        "stride": clip.stride, "fps": clip.fps, "size": model.size, "values": model.values,
        "resize": model.resize or (describe_resize(clip) if model.size else None),
        "dtype": "float32",
        "moments": "float64", "ddof": DDOF, "real_window": spec.real_window,
        "generated_window": spec.generated_window, "n_real": spec.n_real,
        "n_generated": spec.n_generated, "seed": spec.seed,
    }  # fmt: skip


def _describe_side(side: Side, list_digest: str) -> dict[str, Any]:
    return {
        "source": side.clip_set.source, "available": side.clip_set.available,
        "clips": len(side.clips),
        "unique_clips": len({clip.id for clip in side.clips}), "failed": len(side.failed),
        "list_sha256": list_digest,
    }  # fmt: skip


def _list_notes(spec: DistanceSpec, sides: dict[str, Side]) -> list[str]:
    """What a reader should know before comparing the figures with others."""
    notes = []
    for name, each in sides.items():
        wanted = spec.n_real if name == "real" else spec.n_generated
        if wanted is not None and len(each.clips) < wanted:
            notes.append(f"{len(each.clips)} {name} clips, of {wanted} requested")
        if copies := len(each.clips) - len({clip.id for clip in each.clips}):
            notes.append(f"{copies} {name} clips are copies of others")
    rates = {name: sorted({clip.fps for clip in each.clips}) for name, each in sides.items()}
    if spec.clip.fps is None and len({fps for each in rates.values() for fps in each}) > 1:
        said = "; ".join(f"{name} {_format_rates(each)}" for name, each in rates.items())
        notes.append(f"frame rates differ ({said}): motion is compared at different speeds")
    # A Fréchet distance is biased by about 1/n.
    if len({len(each.clips) for each in sides.values()}) > 1:
        notes.append("the sets differ in size: compare only with figures of the same sizes")
    if notes and spec.protocol in PROTOCOLS:
        notes.append(f"not comparable with published figures of {spec.protocol}")
    return notes


def _format_rates(rates: Sequence[float]) -> str:
    """The lowest and the highest of some frame rates, as "8 to 29.97"."""
    ends = [f"{rates[0]:g}", f"{rates[-1]:g}"]
    return " to ".join(dict.fromkeys(ends))


def _digest_list(clips: Sequence[Clip]) -> str:
    """The SHA-256 of a list of clips: of their bytes and first frames, in any order."""
    return hash_json(sorted(clip.id for clip in clips))


def _write_result(
    workspace: Workspace, folder: str, result: dict[str, Any], sides: dict[str, Side], features: str
) -> None:
    """Writes the moments of both sets, the lists of clips, and last the result."""
    workspace.store.drop_partials(folder)  # left by a killed run
    for name, each in sides.items():
        ids = sorted(clip.id for clip in each.clips)
        with workspace.store.create(f"{folder}/{name}.npz") as file:
            Moments.from_features(_sort_features(each), ids, features).save(file)
    with tables.open_writer(workspace.store, f"{folder}/clips.parquet", CLIPS) as writer:
        writer.write_table(pa.Table.from_pylist(_build_rows(sides), CLIPS))
    workspace.store.write(f"{folder}/result.json", json.dumps(result, indent=2).encode())


def _build_rows(sides: dict[str, Side]) -> list[dict[str, Any]]:
    empty = dict.fromkeys(CLIPS.names)
    rows = []
    for name, each in sides.items():
        rows += [empty | asdict(clip) | {"set": name, "id": clip.name} for clip in each.clips]
        rows += [empty | asdict(failed) | {"set": name} for failed in each.failed]
    return [{key: row[key] for key in CLIPS.names} for row in rows]
