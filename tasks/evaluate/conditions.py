"""The conditions of the experiment "does retrieval help?": the same prompts, other clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.specs.pipeline import ExperimentSpec, GenerateSpec
from tasks.generate.shard import generate_spec

BUNDLED = ("reelflow-tiny-ragme", "reelflow-tiny-ragme-ordered")


@dataclass(frozen=True, slots=True)
class Condition:
    """What one column of the experiment is generated with."""

    controller: str
    k: int
    shuffled: bool = False

    @property
    def name(self) -> str:
        """As tables and pages show it."""
        if self.k == 0:
            return "k=0"
        known_as = Path(self.controller).name.removeprefix("reelflow-tiny-")
        return f"{known_as} {'shuffled' if self.shuffled else f'k={self.k}'}"

    def spec(self, base: GenerateSpec) -> GenerateSpec:
        """The base's spec under this condition; prompts keep their seeds."""
        retrieve = base.retrieve.model_copy(update={"k": self.k})
        changed = {"controller": self.controller, "retrieve": retrieve, "shuffled": self.shuffled}
        return base.model_copy(update=changed)


def experiment_spec(**asked: Any) -> ExperimentSpec:
    """The spec of an experiment with the bundled models, but for what is asked for."""
    return ExperimentSpec(**{"generate": generate_spec(), "controllers": BUNDLED} | asked)


def conditions(controllers: Sequence[str], k: int) -> Iterator[Condition]:
    """Without clips; with 1 to k of them, for each controller; with k that another prompt found."""
    yield Condition(controllers[0], 0)
    for controller in controllers:
        for count in range(1, k + 1):
            yield Condition(controller, count)
        yield Condition(controller, k, shuffled=True)
