"""What refiners without weights have in common: options to read, and nothing to load."""

from typing import ClassVar, Generic, TypeVar

from data.specs.base import Spec
from data.specs.refine import RefineSpec
from engines.refine.protocol import Shape, read_options, require_no_weights

Options = TypeVar("Options", bound=Spec)


def digests(spec: RefineSpec) -> dict[str, str]:
    """Nothing: there are no weights."""
    return {}


class WeightlessRefiner(Generic[Options]):
    """Reads the options of a filter of any size; `refine` is the filter's own."""

    shape = Shape()
    kind: ClassVar[type[Spec]]  # of the options

    def __init__(self, spec: RefineSpec) -> None:
        require_no_weights(spec)
        self.options: Options = read_options(self.kind, spec.refiner, spec.options)  # type: ignore[assignment]

    def load(self) -> None:
        """Loads nothing."""
