"""Fréchet distances of an experiment's conditions to real clips, beside what chance gives."""

from collections.abc import Mapping
from typing import Any

from data.specs.distance import DistanceSpec
from data.specs.pipeline import GenerateSpec

Row = dict[str, Any]


def suit_distance(spec: DistanceSpec, generate: GenerateSpec, videos: int) -> DistanceSpec:
    """The spec at the frame rate of the generated videos, of clips no longer than these.

    Twice as many real clips are drawn as there are videos: half of them against the other half are
    the floor, at the same number of clips.
    """
    clip = {"frames": min(spec.clip.frames, generate.frames), "fps": spec.clip.fps or generate.fps}
    counts = {"n_real": spec.n_real or 2 * videos, "n_generated": spec.n_generated or videos}
    return spec.model_copy(update={"clip": spec.clip.model_copy(update=clip)} | counts)


def list_distance(condition: str, measured: Mapping[str, Any]) -> Row:
    """A condition's row of a table; `measured` is what the flow of distances returns.

    `value` and `floor` are over `n` clips each, as far as there are enough real ones.
    """
    floor = measured["floor"]
    alike = floor and floor["real_against_generated"]["value"]
    return {
        "condition": condition,
        "metric": measured["metric"],
        "n": floor["n"] if floor else measured["sets"]["generated"]["clips"],
        "value": alike if floor else measured["value"],
        "floor": floor and floor["real_against_real"]["value"],
        "distance": measured["distance"],
    }
