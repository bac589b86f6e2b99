"""Which evaluations compare: among themselves, and with what was published."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from data.errors import UserError
from data.runs.evaluations import Summary
from data.runs.published import BENCHMARK, CLIPS
from data.specs.evaluate import EvaluateSpec

FREE = ("remainder", "world_size", "tag_order")  # published scores hang on these too little to tell
OPTIONS = {"num_frames": "--num-frames"}


def switches(summary: Summary) -> dict[str, str]:
    """The fields of its spec that scores hang on, as text; without those that had no effect."""
    spec = {
        name: value for name, value in summary.spec.items() if name not in ("metrics", "weights")
    }
    if "text_similarity" not in summary.spec.get("metrics", ()):
        spec.pop("clip", None)
    if spec.get("remainder") != "drop":
        spec.pop("world_size", None)
    return {name: _text(name, value) for name, value in spec.items()}


def differences(one: Summary, other: Summary) -> dict[str, tuple[str, str]]:
    """What keeps two evaluations from being ranked together, by field: both of its values.

    Versions of metrics and digests of weights count where both have them.
    """
    found: dict[str, tuple[str, str]] = {}
    for a, b in ((switches(one), switches(other)), (made_with(one), made_with(other))):
        found |= {name: (a[name], b[name]) for name in a if name in b and a[name] != b[name]}
    return found


def groups(summaries: Iterable[Summary]) -> list[list[Summary]]:
    """The evaluations of one benchmark and mode in lots that compare among themselves."""
    lots: list[list[Summary]] = []
    for summary in summaries:
        fits = (lot for lot in lots if not any(differences(summary, each) for each in lot))
        lot = next(fits, None)
        lots.append([summary]) if lot is None else lot.append(summary)
    return lots


def refuse_mixed(summaries: Sequence[Summary]) -> None:
    """A UserError that names the first two that do not compare, and in what."""
    for one, other in combinations(summaries, 2):
        if found := differences(one, other):
            said = "; ".join(
                f"{name} is {a} in one, {b} in the other" for name, (a, b) in found.items()
            )
            again = " ".join(f"{OPTIONS.get(n, '--' + n.replace('_', '-'))} {a}" for n, (a, _) in
                             found.items() if " " not in n)  # fmt: skip
            raise UserError(
                f"{one.evaluation} and {other.evaluation} were made with different switches"
                f" ({said}): evaluate {other.source} again{f' with {again}' if again else ''},"
                " or show them in tables of their own with --group"
            )


def unlike_published(summary: Summary) -> list[str]:
    """Why its scores do not compare with published ones; nothing where they do."""
    usual, mine = EvaluateSpec().model_dump(), summary.spec
    said = []
    if summary.benchmark != BENCHMARK:
        said.append(f"not evaluated as {BENCHMARK}")
    names = [n for n in usual if n not in (*FREE, "metrics", "weights", "clip", "num_frames")]
    for name in names:
        if mine.get(name, usual[name]) != usual[name]:
            said.append(
                f"{name} is {_text(name, mine[name])}, published {_text(name, usual[name])}"
            )
    if mine.get("num_frames") is None:
        said.append("every frame was measured, published the first ones of each video")
    whole = CLIPS.get(summary.mode or "", 0)
    measured = min((each.videos - each.failed for each in summary.methods), default=0)
    if measured < whole:
        said.append(f"{measured:,} of the {whole:,} clips were measured")
    return said


def switched(summary: Summary) -> dict[str, str]:
    """The switches that are not as published."""
    usual = EvaluateSpec().model_dump()
    return {
        name: value
        for name, value in switches(summary).items()
        if name != "clip" and value != _text(name, usual.get(name))
    }


def made_with(summary: Summary) -> dict[str, str]:
    """Versions of metrics and digests of weights, which count only where both have them."""
    versions = {f"version of {name}": value for name, value in summary.versions.items()}
    weights = {f"weights of {name}": value[:12] for name, value in summary.digests.items() if value}
    return versions | weights


def _text(name: str, value: Any) -> str:
    if name == "num_frames" and value is None:
        return "all"
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
