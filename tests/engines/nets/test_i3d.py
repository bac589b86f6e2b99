from pathlib import Path

import pytest
import torch
from torch import nn

from engines.nets.i3d import I3D, Mixed, SamePool, Unit

NAMED = (Path(__file__).parent / "i3d_state.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def hollow() -> I3D:
    """The network without numbers: shapes alone go through it."""
    with torch.device("meta"):
        return I3D().eval()


def identity(unit: Unit) -> Unit:
    """A unit that adds up what its kernel covers; its norm changes nothing."""
    nn.init.ones_(unit.conv3d.weight)
    unit.bn.eps = 0.0
    return unit.eval()


def test_parameters_have_the_names_and_shapes_of_the_common_port(hollow: I3D) -> None:
    held = hollow.state_dict()
    shapes = ["x".join(map(str, value.shape)) or "scalar" for value in held.values()]
    assert [f"{key} {shape}" for key, shape in zip(held, shapes, strict=True)] == NAMED
    assert sum(parameter.numel() for parameter in hollow.parameters()) == 12_697_264


@pytest.mark.parametrize(("frames", "positions"), [(9, 1), (16, 1), (17, 2), (32, 3), (128, 15)])
def test_time_is_halved_three_times_and_pooled_by_twos(hollow, frames, positions) -> None:
    clips = torch.empty(2, 3, frames, 224, 224, device="meta")
    assert hollow.logits_by_position(clips).shape == (2, 400, positions)
    assert hollow(clips).shape == (2, 400)


def test_eight_frames_are_too_few(hollow: I3D) -> None:
    with pytest.raises(ValueError, match=r"9 frames.*8"):
        hollow(torch.empty(1, 3, 8, 224, 224, device="meta"))


@pytest.mark.slow
def test_logits_are_averaged_over_time_and_nothing_is_dropped() -> None:
    torch.manual_seed(0)
    model, clip = I3D().eval(), torch.rand(1, 3, 17, 224, 224) * 2 - 1
    with torch.inference_mode():
        first, along = model(clip), model.logits_by_position(clip)
    torch.testing.assert_close(first, (along[..., 0] + along[..., 1]) / 2)
    assert not torch.allclose(along[..., 0], along[..., 1]) and first.std() > 1e-6
    assert first.min() < 0  # logits, not what a soft-max makes of them


def test_an_odd_zero_goes_behind() -> None:
    """TensorFlow's SAME, kernel 3 and stride 2: (0, 1) around 4, (1, 1) around 5."""
    unit = identity(Unit(1, 1, 3, 2))
    unit.conv3d.weight.data.mul_(1 / 9)  # sums over the two other axes, where all are alike
    for size, expected in ((4, [1 + 2 + 3, 3 + 4]), (5, [1 + 2, 2 + 3 + 4, 4 + 5])):
        line = torch.arange(1.0, size + 1).view(1, 1, size, 1, 1).expand(1, 1, size, 5, 5)
        with torch.inference_mode():
            assert unit(line)[0, 0, :, 1, 1].tolist() == pytest.approx(expected)


def test_pooling_rounds_sizes_up() -> None:
    pooled = SamePool((2, 2, 2), (2, 2, 2))(
        torch.arange(5.0).view(1, 1, 5, 1, 1).expand(1, 1, 5, 7, 7)
    )
    assert pooled.shape == (1, 1, 3, 4, 4) and pooled[0, 0, :, 0, 0].tolist() == [1, 3, 4]


def test_branches_stand_side_by_side_in_their_order() -> None:
    torch.manual_seed(1)
    block, x = Mixed(4, (3, 2, 5, 2, 6, 7)).eval(), torch.rand(1, 4, 3, 5, 5)
    with torch.inference_mode():
        found = block(x)
        assert found.shape == (1, 21, 3, 5, 5)
        torch.testing.assert_close(found[:, :3], block.b0(x))
        torch.testing.assert_close(found[:, 3:8], block.b1b(block.b1a(x)))
        torch.testing.assert_close(found[:, 8:14], block.b2b(block.b2a(x)))
        pooled = nn.functional.max_pool3d(x, 3, 1, 1)
        torch.testing.assert_close(found[:, 14:], block.b3b(pooled))
