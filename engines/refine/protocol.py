"""The refiner and corruption protocols: what their plugins declare, get and give."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import ValidationError

from data.errors import UserError
from data.specs.pipeline import Spec
from data.specs.refine import RefineSpec

Options = TypeVar("Options", bound=Spec)


@dataclass(frozen=True, slots=True)
class Shape:
    """The windows that a refiner takes; None is any.

    `frames` is the one number of frames that it takes, `size` its (height, width): larger clips
    are tiled, and sides that do not divide by `multiple` are padded, mirrored at the edge.
    `values` is the range of the pixels that it gets and gives. One that `fills` changes nothing
    but holes, and is refused without a corruption.
    """

    frames: int | None = None
    size: tuple[int, int] | None = None
    multiple: int = 1
    values: tuple[float, float] = (0.0, 1.0)
    fills: bool = False


@dataclass(frozen=True, slots=True)
class Windows:
    """A batch of windows of one clip, of equal shapes.

    `frames` is (B, T, H, W, 3) float32 RGB in the refiner's range, `holes` (B, T, H, W) bool,
    True where the corruption changed a voxel, or None without a corruption. `seeds` has a number
    for each window, by the run's seed, the clip, the pass and the window's place.
    """

    frames: np.ndarray
    holes: np.ndarray | None
    seeds: tuple[int, ...]
    prompt: str = ""
    fps: float = 0.0


class Refiner(Protocol):
    """A refiner module has `Refiner(spec)`, `Options` (a Spec), `VERSION` and `digests(spec)`.

    `digests(spec)` identifies its weights by content, {"model": hex}, and is {} without weights.
    Its class reads the spec's `options` by `read_options`, and is cheap to make: it imports no
    torch and reads no file before `load`. It may read its weights' own configuration for `shape`.
    """

    shape: Shape

    def load(self) -> None:
        """Loads the weights, on the device that `pick_device` chooses; strictly, by all names."""
        ...

    def refine(self, windows: Windows) -> np.ndarray:
        """The windows refined: (B, T, H, W, 3) float32 in the refiner's range, clipped by nobody.

        The same windows give the same bits. Nothing is changed in place.
        """
        ...


class Corruption(Protocol):
    """A corruption module has a class `Corruption(options)`, its `Options` (a Spec) and `VERSION`.

    One that changes every voxel, such as grain, has a hole everywhere.
    """

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        """(T, H, W) bool of a clip's shape (T, H, W): True where a voxel is to be corrupted."""
        ...

    def fill_frame(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A whole frame (H, W, 3) float32 in 0 to 1, corrupted; `corrupt_clip` takes its holes."""
        ...


def read_options(kind: type[Options], name: str, given: dict[str, Any]) -> Options:
    """The options of a plugin `name`; a UserError with those that there are for an unknown one."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(kind.model_fields) or "none"
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{name}: option {place}: {first['msg']}; its options: {known}") from error


def require_no_weights(spec: RefineSpec) -> None:
    """A UserError where weights are given to a refiner that has none."""
    if spec.weights is not None:
        raise UserError(f"the refiner {spec.refiner} has no weights: leave out --weights")
