"""Fréchet distances of an experiment's conditions to real clips, beside what chance gives."""

from collections.abc import Mapping
from typing import Any

from data.specs.distance import DistanceSpec
from data.specs.pipeline import GenerateSpec
from tasks.evaluate.fvd import pin_spec
from tasks.prompts import read_prompts

Row = dict[str, Any]


def plan_distance(spec: DistanceSpec, generate: GenerateSpec, prompts: str) -> DistanceSpec:
    """The spec at the frame rate of the generated videos, of clips no longer than these.

    A UserError where its extractor cannot run on them, before there are any.

    Twice as many real clips are drawn as there are videos: half of them against the other half are
    the floor, at the same number of clips.
    """
    videos = len(read_prompts(prompts)) * generate.samples
    clip = {"frames": min(spec.clip.frames, generate.frames), "fps": spec.clip.fps or generate.fps}
    counts = {"n_real": spec.n_real or 2 * videos, "n_generated": spec.n_generated or videos}
    suited = spec.model_copy(update={"clip": spec.clip.model_copy(update=clip)} | counts)
    return pin_spec(suited, "--fvd-weights")


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
