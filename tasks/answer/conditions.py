"""The conditions of the experiment with texts: the same questions, answered from other texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.errors import UserError
from data.specs.answer import AnswerSpec, TextUse

BASELINE = "no texts"
SHUFFLED = "texts of another video"


@dataclass(frozen=True, slots=True)
class TextCondition:
    """One row of the experiment: which kinds of text are given with a question, and how."""

    name: str
    texts: TextUse
    kinds: tuple[str, ...]

    def build_spec(self, base: AnswerSpec) -> AnswerSpec:
        """The spec of `base` under this condition."""
        # Kinds are in the fingerprint: without texts they would only make equal runs differ.
        kinds = self.kinds or base.kinds
        return base.model_copy(update={"texts": self.texts, "kinds": kinds})


def list_conditions(kinds: Sequence[str], budget: int) -> list[TextCondition]:
    """No texts, all of the first kind, those retrieved, then one kind more each time; a control.

    All are those of the first `budget` tokens, as their name says.
    """
    first, *others = kinds
    conditions = [
        TextCondition(BASELINE, "none", ()),
        TextCondition(f"{first}, all to {budget:,} tokens", "all", (first,)),
        TextCondition(f"{first}, retrieved", "retrieved", (first,)),
    ]
    for count, kind in enumerate(others, start=2):
        conditions.append(TextCondition(f"+ {kind}", "retrieved", tuple(kinds[:count])))
    return [*conditions, TextCondition(SHUFFLED, "shuffled", tuple(kinds))]


def require_answers(condition: str, failed: Mapping[str, int]) -> None:
    """A UserError where a server did not answer: those questions would count as wrong ones."""
    if lost := failed.get("unreachable", 0):
        raise UserError(
            f"{condition}: the server did not answer {lost:,} questions, which would count as wrong"
            " in this condition alone: run the same command again once it does"
        )
