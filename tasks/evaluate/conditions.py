"""The conditions of the retrieval experiment: the same prompts generated with other clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.specs.pipeline import ExperimentSpec, GenerateSpec
from tasks.generate.spec import build_generate_spec

BUNDLED = ("reelflow-tiny-ragme", "reelflow-tiny-ragme-ordered")


@dataclass(frozen=True, slots=True)
class Condition:
    """One column of the experiment: a controller, a number of clips, and whose clips they are."""

    controller: str
    k: int
    shuffled: bool = False

    @property
    def name(self) -> str:
        """The name that tables and pages show, as "ordered k=2"."""
        if self.k == 0:
            return "k=0"
        controller = Path(self.controller).name.removeprefix("reelflow-tiny-")
        return f"{controller} {'shuffled' if self.shuffled else f'k={self.k}'}"

    def build_spec(self, base: GenerateSpec) -> GenerateSpec:
        """The spec of `base` under this condition; prompts keep their seeds."""
        retrieve = base.retrieve.model_copy(update={"k": self.k})
        changed = {"controller": self.controller, "retrieve": retrieve, "shuffled": self.shuffled}
        return base.model_copy(update=changed)


def build_experiment_spec(**fields: Any) -> ExperimentSpec:
    """The spec of an experiment with these fields; the others suit the bundled models."""
    return ExperimentSpec(**{"generate": build_generate_spec(), "controllers": BUNDLED} | fields)


def list_conditions(controllers: Sequence[str], k: int) -> Iterator[Condition]:
    """Yields each condition: no clips; per controller 1 to k clips, then k of another prompt."""
    yield Condition(controllers[0], 0)
    for controller in controllers:
        for count in range(1, k + 1):
            yield Condition(controller, count)
        yield Condition(controller, k, shuffled=True)
