"""Which evaluations may be ranked together, with each other and with published scores."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from data.errors import UserError
from data.runs.evaluations import MethodResult, Summary
from data.runs.published import BENCHMARK, CLIP_COUNTS
from data.specs.evaluate import EvaluateSpec

# Scores depend on these too little to tell which values the published ones were made with.
IGNORED_FIELDS = ("remainder", "world_size", "tag_order")
DIGEST_LENGTH = 12


def list_switches(summary: Summary) -> dict[str, str]:
    """Lists the spec fields that scores depend on, as text, without those that had no effect."""
    spec = {
        name: value for name, value in summary.spec.items() if name not in ("metrics", "weights")
    }
    # The CLIP model is only used by this metric, the number of processes only when dropping.
    if "text_similarity" not in summary.spec.get("metrics", ()):
        spec.pop("clip", None)
    if spec.get("remainder") != "drop":
        spec.pop("world_size", None)
    return {name: _format_value(name, value) for name, value in spec.items()}


def list_versions(summary: Summary) -> dict[str, str]:
    """Lists the versions of metrics and the digests of weights that an evaluation used."""
    versions = {f"version of {name}": value for name, value in summary.versions.items()}
    weights = {
        f"weights of {name}": digest[:DIGEST_LENGTH]
        for name, digest in summary.digests.items()
        if digest
    }
    return versions | weights


def find_differences(first: Summary, second: Summary) -> dict[str, tuple[str, str]]:
    """Finds what keeps two evaluations from being ranked together: by field, both values.

    Versions of metrics and digests of weights count only if both evaluations have them.
    """
    differences: dict[str, tuple[str, str]] = {}
    for describe in (list_switches, list_versions):
        a, b = describe(first), describe(second)
        # A field that only one has was added since: its absence shows no difference.
        differences |= {name: (a[name], b[name]) for name in a if a[name] != b.get(name, a[name])}
    return differences


def group_comparable(summaries: Iterable[Summary]) -> list[list[Summary]]:
    """Groups evaluations of one benchmark and mode so that all of a group may be ranked together.

    An evaluation joins the first group whose members all compare with it.
    """
    groups: list[list[Summary]] = []
    for summary in summaries:
        fits = (g for g in groups if not any(find_differences(summary, each) for each in g))
        group = next(fits, None)
        groups.append([summary]) if group is None else group.append(summary)
    return groups


def check_comparable(summaries: Sequence[Summary]) -> None:
    """Raises a UserError naming the first two evaluations that do not compare, and why."""
    for first, second in combinations(summaries, 2):
        if differences := find_differences(first, second):
            listed = "; ".join(f"{name}: {a} and {b}" for name, (a, b) in differences.items())
            # Names with a space are versions and weights, which no option can set.
            options = " ".join(
                f"--{name.replace('_', '-')} {value}"
                for name, (value, _) in differences.items()
                if " " not in name
            )
            raise UserError(
                f"{first.evaluation} and {second.evaluation} do not compare ({listed}):"
                f" evaluate {second.source} again{f' with {options}' if options else ''},"
                " or show them in separate tables with --group"
            )


def published_mismatches(summary: Summary) -> list[str]:
    """Lists why an evaluation does not compare with published scores; empty if it does."""
    published, spec = EvaluateSpec().model_dump(), summary.spec
    reasons = []
    if summary.benchmark != BENCHMARK:
        reasons.append(f"not evaluated as {BENCHMARK}")
    skipped = (*IGNORED_FIELDS, "metrics", "weights", "clip", "num_frames")
    for name in (name for name in published if name not in skipped):
        if spec.get(name, published[name]) != published[name]:
            value, expected = (_format_value(name, each[name]) for each in (spec, published))
            reasons.append(f"{name} is {value}, published {expected}")
    # Any number of first frames compares; measuring all frames of a video does not.
    if spec.get("num_frames") is None:
        reasons.append("every frame was measured, published the first frames of each video")
    total = CLIP_COUNTS.get(summary.mode or "", 0)
    # By clips that have a score: several videos of one clip, or listed ones, are no other clips.
    measured = min((_count_clips(each) for each in summary.methods), default=0)
    if measured < total:
        reasons.append(f"{measured:,} of the {total:,} clips were measured")
    return reasons


def _count_clips(method: MethodResult) -> int:
    """How many clips each of a method's metrics has a score of, at least; dropped ones count.

    The published evaluator drops them too, and `remainder` is one of the ignored fields.
    """
    return min((mean.clips or 0 for mean in method.means), default=0) + method.dropped


def unusual_switches(summary: Summary) -> dict[str, str]:
    """Returns the switches that differ from the published ones, as text."""
    published = EvaluateSpec().model_dump()
    return {
        name: value
        for name, value in list_switches(summary).items()
        if name != "clip" and value != _format_value(name, published.get(name))
    }


def _format_value(name: str, value: Any) -> str:
    if name == "num_frames" and value is None:
        return "all"
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, bool):  # `True` is Python's word, not a reader's
        return "yes" if value else "no"
    return str(value)
