"""The conditions of the motion experiment: what clips' motion does, and what controls do."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from data.catalog.database import load_sql
from data.errors import UserError
from data.specs.motion import MotionSpec
from data.specs.pipeline import ExperimentSpec, GenerateSpec
from data.workspace import Workspace
from engines.evaluate.paired_difference import PairedDifference, Row, compare_conditions
from engines.generate.motionrag.release import count_references, release_folder
from tasks.evaluate.conditions import Condition
from tasks.prompts import read_prompts

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


def check_motion_inputs(
    workspace: Workspace, corpus: str, file: str, spec: GenerateSpec, truth: str | None
) -> None:
    """A UserError for what would fail a later condition, after hours of the first ones.

    That is a clip that the corpus does not have in the prompts' column `truth`, and more clips than
    the release takes. Retrieval by motion is refused: it starts from the right clip itself.
    """
    if spec.retrieve.by == "motion":
        raise UserError(
            "by motion the clips like the right one are retrieved, which no prompt has: take --by"
            " caption, image, caption+image or index"
        )
    if truth is not None:
        named = [prompt.find_value(truth) for prompt in read_prompts(file)]
        ids = sorted({id for id in named if id})
        with workspace.open_synced_catalog(corpus) as catalog:
            known = dict(catalog.execute(load_sql("contents_by_id"), corpus=corpus, ids=ids))
        if unknown := [id for id in ids if id not in known]:
            raise UserError(
                f"{corpus} has no video {unknown[0]!r}, which a prompt names in its column {truth}"
            )
        if not ids:
            raise UserError(f"no prompt of {file} names a video in a column {truth}")
    if spec.engine == "motionrag" and spec.controller is not None:
        most = count_references(release_folder(spec.controller))
        if spec.retrieve.k > most:
            raise UserError(f"this release takes {most} clips at most: use -k {most}")


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
