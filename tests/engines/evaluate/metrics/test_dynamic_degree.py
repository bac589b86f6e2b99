"""Dync-D: its constants on real videos, and its rules with optical flow that is known."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from support.stubs import Flows, Planted
from support.toy_models import raft_state

from data.specs.evaluate import EvaluateSpec
from engines.device import pick_device
from engines.evaluate.metrics.dynamic_degree import Metric, plan_pairs
from engines.evaluate.models import raft
from engines.evaluate.protocol import Sample


@pytest.mark.parametrize(
    ("count", "fps", "size", "wanted"),
    [
        (16, 8, (256, 256), (1, 16, 6.0, 4)),  # VideoBooth
        (32, 8, (256, 256), (1, 32, 6.0, 8)),  # DreamVideo
        (49, 24, (288, 512), (3, 17, 6.75, 4)),  # Video Alchemist
        (16, 8, (512, 512), (1, 16, 12.0, 4)),  # Magic-Me
        (94, 30000 / 1001, (240, 320), (4, 24, 5.625, 6)),  # the real clips
        (125, 25, (240, 426), (3, 42, 5.625, 10)),
        (125, 25, (240, 320), (3, 42, 5.625, 10)),
        (150, 30000 / 1001, (240, 426), (4, 38, 5.625, 10)),
        (107, 30000 / 1001, (240, 426), (4, 27, 5.625, 7)),
        (104, 25, (240, 328), (3, 35, 5.625, 9)),
    ],
)
def test_the_constants_are_the_published_ones(count, fps, size, wanted) -> None:
    found = plan_pairs(count, fps, *size)
    assert (found.interval, found.sampled, found.threshold, found.required) == wanted


@pytest.mark.parametrize(
    ("fps", "interval"), [(8, 1), (12, 2), (20, 2), (24, 3), (25, 3), (29.97, 4), (30, 4), (5, 1)]
)
def test_halves_of_the_interval_go_to_the_even_one(fps, interval) -> None:
    assert plan_pairs(16, fps, 256, 256).interval == interval


@pytest.mark.parametrize(
    ("kept", "need"),
    [(2, 0), (6, 2), (10, 2), (14, 4), (16, 4), (17, 4), (18, 4), (22, 6), (32, 8)],
)
def test_halves_of_the_need_go_to_the_even_one(kept, need) -> None:
    assert plan_pairs(kept, 8, 256, 256).required == need


@pytest.mark.parametrize("fps", [1, 3, 4, 0])
def test_few_frames_a_second_have_no_plan(fps) -> None:
    assert plan_pairs(16, fps, 256, 256) is None


def frames(count: int, height: int = 128, width: int = 128) -> np.ndarray:
    """Each frame tells its number in all its pixels."""
    return np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, height, width, 3)
    ).copy()


def score(seen: np.ndarray, flow, fps: float = 8.0, **switches):
    spec = EvaluateSpec(**switches)
    flows = Flows(flow)
    found = Metric(spec, Planted(spec, raft=flows)).score(Sample(seen, fps))
    return found["dynamic_degree"], found["dynamic_degree_flow"], flows


def steady(length: float):
    """Everything moves as far, along a diagonal."""

    def of(earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        return np.full((*earlier.shape[:2], 2), length / 2**0.5)

    return of


def test_a_steady_flow_is_its_length_as_a_share_of_the_shorter_side() -> None:
    degree, speed, _ = score(frames(16, 128, 256), steady(4.0))
    assert degree.value == 1.0
    assert speed.value == pytest.approx(4.0 / 128)


@pytest.mark.parametrize(("length", "moves"), [(3.0, 0.0), (3.0000001, 1.0), (2.9, 0.0)])
def test_the_threshold_itself_is_no_motion(length, moves) -> None:
    def along(earlier, later):
        return np.dstack([np.full(earlier.shape[:2], length), np.zeros(earlier.shape[:2])])

    degree, _, _ = score(frames(16), along)  # 6 pixels of 256: 3 of 128
    assert degree.value == moves


@pytest.mark.parametrize(("fast", "moves"), [(3, 0.0), (4, 1.0), (15, 1.0)])
def test_so_many_pairs_must_move(fast, moves) -> None:
    degree, _, _ = score(frames(16), lambda a, b: steady(9.0 if a[0, 0, 0] < fast else 0.0)(a, b))
    assert degree.value == moves
    if not moves:
        assert degree.reason.startswith("3 of 15")


def test_two_frames_move_whatever_they_do() -> None:
    degree, speed, _ = score(frames(2), steady(0.0))
    assert (degree.value, speed.value) == (1.0, 0.0)


def test_only_the_fastest_pixels_count() -> None:
    ramp = np.arange(128 * 128, dtype=np.float64).reshape(128, 128) / 1000

    _, speed, _ = score(frames(4), lambda a, b: np.dstack([ramp, 0 * ramp]))
    top = np.sort(ramp.ravel())[-int(0.05 * 128 * 128) :]
    assert speed.value == pytest.approx(top.mean() / 128)


def test_frames_between_are_left_out_by_their_rate() -> None:
    pairs = []

    def remembers(a, b):
        pairs.append((int(a[0, 0, 0]), int(b[0, 0, 0])))
        return steady(0.0)(a, b)

    score(frames(10), remembers, fps=24.0)
    assert pairs == [(0, 3), (3, 6), (6, 9)]


def test_the_padding_counts_unless_the_spec_says_not() -> None:
    def at_the_edge(a, b):
        flow = np.zeros((*a.shape[:2], 2))
        flow[:3, :, 0] = 100.0  # rows that are padding: 131 rows have 2 above and 3 below
        return flow

    seen = frames(4, 131, 128)
    padded, _, flows = score(seen, at_the_edge)
    assert flows.shapes == [(3, 136, 128, 3)]
    own = np.zeros((131, 128))
    own[0] = 100.0
    wanted = np.sort(own.ravel())[-int(0.05 * own.size) :].mean()
    _, speed, _ = score(seen, at_the_edge, flow_region="unpadded")
    assert speed.value == pytest.approx(wanted / 128)
    assert padded.value == 1.0


@pytest.mark.parametrize(
    ("seen", "fps", "says"),
    [
        (frames(1), 24.0, "one frame"),
        (frames(16), 4.0, "4 fps"),
        (frames(16, 120, 200), 8.0, "200x120"),
    ],
)
def test_what_cannot_be_measured_says_why(seen, fps, says) -> None:
    for found in score(seen, steady(9.0), fps=fps)[:2]:
        assert found.value is None and says in found.reason


def test_sides_that_are_padded_to_enough_are_measured() -> None:
    assert score(frames(2, 121, 128), steady(9.0))[0].value == 1.0


def test_a_video_of_which_one_frame_is_kept_does_not_move() -> None:
    degree, speed, _ = score(frames(4), steady(9.0), fps=60.0)
    assert degree.value == 0.0 and "one frame of 4" in degree.reason
    assert speed.value is None


def transcribed(seen: np.ndarray, model: raft.Raft) -> list[float]:
    """The speed of each pair as the text has it, in float64 after the network."""
    wide = torch.from_numpy(seen).permute(0, 3, 1, 2).float()
    down, across = -seen.shape[1] % 8, -seen.shape[2] % 8
    sides = (across // 2, across - across // 2, down // 2, down - down // 2)
    padded = torch.nn.functional.pad(wide, sides, mode="replicate")
    speeds = []
    for earlier, later in pairwise(padded):
        pair = (2 * (each[None].to(pick_device()) / 255) - 1 for each in (earlier, later))
        with torch.inference_mode():
            flow = model._model(*pair, num_flow_updates=20)[-1][0].cpu().double()
        size = flow.norm(dim=0).flatten()
        speeds.append(size.sort(descending=True).values[: int(0.05 * len(size))].mean().item())
    return speeds


def test_the_real_network_gives_what_the_text_says(tmp_path: Path) -> None:
    torch.save(raft_state(), tmp_path / raft.FILE)
    spec = EvaluateSpec(weights={"raft": str(tmp_path / raft.FILE)})
    models = Planted(spec)
    seen = np.random.default_rng(0).integers(0, 256, (3, 131, 140, 3), dtype=np.uint8)
    found = Metric(spec, models).score(Sample(seen, 8.0))
    speeds = transcribed(seen, models.get("raft"))
    assert found["dynamic_degree_flow"].value == pytest.approx(np.median(speeds) / 131, rel=1e-4)
    moving = sum(speed > 6.0 * 131 / 256 for speed in speeds)
    assert found["dynamic_degree"].value == float(moving >= round(3 / 4))
