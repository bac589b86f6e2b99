"""The conditions of the motion experiment: what clips' motion does, and what controls do."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from data.errors import UserError
from data.specs.motion import MotionSpec
from data.specs.pipeline import ExperimentSpec, GenerateSpec
from engines.evaluate.paired_difference import PairedDifference, Row, compare_conditions
from tasks.evaluate.conditions import Condition

CONTEXT, BEST = "context", "best"
FEWER = (1, 3)  # clips, beside the most


@dataclass(frozen=True, slots=True)
class MotionCondition(Condition):
    """One column: `controller` names how clips' motion is used, `motion` what that changes."""

    motion: tuple[tuple[str, Any], ...] = ()

    def build_spec(self, base: GenerateSpec) -> GenerateSpec:
        """The spec of `base` under this condition; prompts keep their seeds."""
        retrieve = base.retrieve.model_copy(update={"k": self.k})
        motion = MotionSpec(**base.motion.model_dump() | dict(self.motion))
        changed = {"retrieve": retrieve, "shuffled": self.shuffled, "motion": motion}
        return base.model_copy(update=changed)


def list_motion_conditions(k: int, truth: str | None) -> Iterator[MotionCondition]:
    """Yields each: the base alone, the context of 1, 3 and k clips, other uses of them, controls.

    Controls are the clips of another prompt, clips played backwards and, where a column `truth` of
    the prompts names the clip that the video should have been, that clip's own motion.
    """
    yield MotionCondition(CONTEXT, 0)
    for count in sorted({*FEWER, k}):
        if count <= k:
            yield MotionCondition(CONTEXT, count)
    yield MotionCondition(CONTEXT, k, shuffled=True)
    yield MotionCondition(BEST, 1, motion=(("fusion", "best"),))
    yield MotionCondition("mean", k, motion=(("fusion", "mean"),))
    yield MotionCondition("backwards", k, motion=(("backwards", True),))
    if truth is not None:
        yield MotionCondition("truth", 1, motion=(("source_column", truth),))


def choose_conditions(
    k: int, truth: str | None, only: Collection[str] | None
) -> list[MotionCondition]:
    """The base and those named, or all; a UserError for a name that none has."""
    base, *others = list_motion_conditions(k, truth)
    if only is None:
        return [base, *others]
    names = [condition.name for condition in others]
    if wrong := sorted({*only} - {*names}):
        raise UserError(f"no condition {wrong[0]!r}: choose from {', '.join(names)}")
    return [base, *(condition for condition in others if condition.name in only)]


def keep_out_truth(spec: ExperimentSpec, column: str) -> ExperimentSpec:
    """The spec, by which no prompt retrieves the clip that its column names."""
    retrieve = spec.generate.retrieve.model_copy(update={"own": column})
    generate = spec.generate.model_copy(update={"retrieve": retrieve})
    return spec.model_copy(update={"generate": generate})


def judge_contexts(rows: Iterable[Row]) -> list[str]:
    """A sentence for each metric: what the most clips' context does, against the best clip alone.

    None for an experiment that has not compared the two.
    """
    best = MotionCondition(BEST, 1).name
    contexts = [
        result
        for result in compare_conditions(rows, best)
        if result.controller == CONTEXT and not result.shuffled
    ]
    most = max((result.k for result in contexts), default=0)
    return [
        f"{result.metric}: {result.condition} against {best} {_format_difference(result)}"
        for result in contexts
        if result.k == most
    ]


def _format_difference(result: PairedDifference) -> str:
    if result.low is None:
        return f"{result.difference:+.3f}"
    return f"{result.difference:+.3f} [{result.low:+.3f}, {result.high:+.3f}]"
