"""The conditions of the experiments: the same prompts generated with other clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.specs.pipeline import ExperimentSpec, GenerateSpec
from engines.bundled import is_bundled_base
from tasks.generate.spec import build_generate_spec

BUNDLED = ("reelflow-tiny-ragme", "reelflow-tiny-ragme-ordered")


@dataclass(frozen=True, slots=True)
class Condition:
    """One column of the experiment: a controller, a number of clips, and whose clips they are.

    `label` is the controller's name among the others; if empty, that of its folder.
    """

    controller: str
    k: int
    shuffled: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """The name that tables and pages show, as "ordered k=2"."""
        if self.k == 0:
            return "k=0"
        controller = self.label or _name_controller(self.controller, 1)
        return f"{controller} {'shuffled' if self.shuffled else f'k={self.k}'}"

    def build_spec(self, base: GenerateSpec) -> GenerateSpec:
        """The spec of `base` under this condition; prompts keep their seeds."""
        retrieve = base.retrieve.model_copy(update={"k": self.k})
        changed = {"controller": self.controller, "retrieve": retrieve, "shuffled": self.shuffled}
        return base.model_copy(update=changed)


def build_experiment_spec(**fields: Any) -> ExperimentSpec:
    """The spec of an experiment with these fields; the others suit the bundled models.

    A UserError where the controllers of another base are not named.
    """
    generate = fields.get("generate") or build_generate_spec()
    if "controllers" not in fields and not is_bundled_base(generate.base):
        if generate.engine == "ragme":
            raise UserError("which controllers of this base? name them with --controller")
        fields["controllers"] = ("none",)
    return ExperimentSpec(**{"generate": generate, "controllers": BUNDLED} | fields)


def list_conditions(controllers: Sequence[str], k: int) -> Iterator[Condition]:
    """Yields each condition: no clips; per controller 1 to k clips, then k of another prompt."""
    labels = label_controllers(controllers)
    yield Condition(controllers[0], 0)  # without clips all controllers give the same video
    for controller, label in labels.items():
        for count in range(1, k + 1):
            yield Condition(controller, count, label=label)
        # The control: what clips do that have nothing to do with the prompt.
        yield Condition(controller, k, shuffled=True, label=label)


def label_controllers(controllers: Sequence[str]) -> dict[str, str]:
    """A label for each controller, all different: its folder's name and as much before as needed.

    Conditions are told apart by these: `a/final` and `b/final` must not become one.
    """
    each = tuple(dict.fromkeys(controllers))
    longest = max(len(Path(controller).parts) for controller in each)
    for parts in range(1, longest + 1):
        labels = {controller: _name_controller(controller, parts) for controller in each}
        if len({*labels.values()}) == len(each):
            return labels
    return {controller: controller for controller in each}


def _name_controller(controller: str, parts: int) -> str:
    """The last parts of a path; bundled controllers without the prefix that they share."""
    return "/".join(Path(controller).parts[-parts:]).removeprefix("reelflow-tiny-")
