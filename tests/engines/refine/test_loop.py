"""The loop of refinement, on small clips made here."""

from itertools import islice

import numpy as np
import pytest

from data.specs.refine import RefineSpec, StopSpec
from engines.refine.loop import Pass, RefineError, Subject, iterate_passes
from engines.refine.plugins import build_corruption, build_refiner
from engines.refine.protocol import Shape, Windows
from engines.refine.scratch import Scratch


def noise(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((*shape, 3), np.float32)


class Toy:
    """A refiner by a function of windows, for what no real refiner shows by itself."""

    def __init__(self, function, shape: Shape = Shape()) -> None:
        self.function, self.shape = function, shape

    def load(self) -> None:
        """Nothing."""

    def refine(self, windows: Windows) -> np.ndarray:
        return self.function(windows)


def passes(spec: RefineSpec, count: int, clip: np.ndarray, refiner=None, content="c") -> list[Pass]:
    """Copies of the first passes: arrays are used again."""
    refiner = refiner or build_refiner(spec)
    with Scratch() as scratch:
        made = iterate_passes(
            spec, refiner, build_corruption(spec), Subject(content), clip, scratch
        )
        return [
            Pass(p.number, p.clip.copy(), p.look, p.drift, p.stopped) for p in islice(made, count)
        ]


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (7, 5, 9), (16, 8, 8), (17, 6, 6), (50, 3, 4), (33, 40, 37)]
)
@pytest.mark.parametrize(
    "taken", [Shape(), Shape(frames=16), Shape(size=(16, 16), multiple=8), Shape(multiple=8)]
)
def test_windows_with_identity_are_exact(shape: tuple[int, int, int], taken: Shape) -> None:
    clip = noise(shape)
    copy = Toy(lambda windows: windows.frames, taken)
    _, first, second = passes(RefineSpec(), 3, clip, copy)
    assert np.array_equal(first.clip, clip) and np.array_equal(second.clip, clip)


def test_no_pass_gives_the_clip_itself() -> None:
    clip = noise((3, 4, 4))
    (zero,) = passes(RefineSpec(), 1, clip)
    assert zero.number == 0 and zero.drift is None and np.array_equal(zero.clip, clip)


def test_two_passes_are_one_after_one() -> None:
    """Refining twice is refining once, twice, with the random numbers of the second pass."""
    spec = RefineSpec(refiner="temporal_median")
    clip = noise((6, 8, 8))
    twice = passes(spec, 3, clip)[2].clip
    once = passes(spec, 2, clip)[1].clip
    assert np.array_equal(passes(spec, 2, once)[1].clip, twice)


def test_random_numbers_go_by_clip_pass_and_seed() -> None:
    """A refiner that draws by its windows' seeds, with other batches: the same bits."""

    def draw(windows: Windows) -> np.ndarray:
        rngs = [np.random.default_rng(seed) for seed in windows.seeds]
        return np.stack([rng.random(windows.frames.shape[1:], np.float32) for rng in rngs])

    clip, toy = noise((40, 4, 4)), Toy(draw)
    one, two = (passes(RefineSpec(batch=n), 3, clip, toy) for n in (1, 3))
    assert np.array_equal(one[2].clip, two[2].clip)
    assert not np.array_equal(one[1].clip, one[2].clip)
    assert not np.array_equal(one[1].clip, passes(RefineSpec(), 2, clip, toy, "d")[1].clip)
    assert not np.array_equal(one[1].clip, passes(RefineSpec(seed=1), 2, clip, toy)[1].clip)


@pytest.mark.parametrize("corruption", ["tensor_mask", "random_mask", "blur", "grain"])
def test_what_is_put_back_is_bit_equal_outside_the_holes(corruption: str) -> None:
    clip = noise((20, 16, 16))
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def spoil(windows: Windows) -> np.ndarray:
        seen.append((windows.frames.copy(), windows.holes.copy()))
        return np.full_like(windows.frames, 0.25)

    spec = RefineSpec(corruption=corruption, paste_back=True)
    last = passes(spec, 2, clip, Toy(spoil))[1].clip
    holes = np.zeros(clip.shape[:3], bool)
    frames, cut = seen[0]
    holes[:16], holes[4:] = cut[0], cut[1]
    assert holes.any()
    assert np.array_equal(last[~holes], clip[~holes])
    assert np.all(last[holes] == 0.25)
    # What the refiner gets is the clip itself outside of the holes.
    assert np.array_equal(frames[0][~cut[0]], clip[:16][~cut[0]])


def test_a_contraction_converges_geometrically_and_stops() -> None:
    half = Toy(lambda w: 0.5 * w.frames + 0.5 * w.frames.mean(axis=(1, 2, 3, 4), keepdims=True))
    clip = noise((8, 6, 6))
    made = passes(RefineSpec(stop=StopSpec(change=0.02)), 12, clip, half)
    changes = [p.drift.change for p in made[1:] if p.number <= (p.stopped or 99)]
    ratios = np.divide(changes[1:], changes[:-1])
    assert np.allclose(ratios[2:], 0.5, atol=0.05)
    stopped = made[-1].stopped
    assert stopped is not None and 2 < stopped < 11
    assert np.array_equal(made[stopped].clip, made[-1].clip)
    bound = passes(RefineSpec(stop=StopSpec(blur=0.5)), 4, clip, half)
    assert bound[-1].stopped == 1 and bound[1].drift.laplacian_ratio == pytest.approx(0.25, 1e-3)
    assert passes(RefineSpec(stop=StopSpec(drift=99)), 3, clip, half)[-1].stopped == 1


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda w: np.full_like(w.frames, np.nan), "not finite"),
        (lambda w: w.frames * 255, "range"),
        (lambda w: w.frames[:, :2], "gave"),
    ],
)
def test_what_cannot_be_a_picture_is_refused(function, why: str) -> None:
    with pytest.raises(RefineError, match=why):
        passes(RefineSpec(), 2, noise((4, 4, 4)), Toy(function))


def test_a_refiner_of_another_range_gets_and_gives_its_own() -> None:
    ranges: list[tuple[float, float]] = []

    def look(windows: Windows) -> np.ndarray:
        ranges.append((float(windows.frames.min()), float(windows.frames.max())))
        return windows.frames

    clip = noise((4, 9, 9))
    clip[0, 0, 0], clip[0, 0, 1] = 0, 1
    (_, first) = passes(RefineSpec(), 2, clip, Toy(look, Shape(values=(-1, 1))))
    assert ranges == [(-1, 1)]
    assert np.allclose(first.clip, clip, atol=1e-6)
