"""FID's Inception-v3 and its resize against transcriptions in float64, with random weights."""

import numpy as np
import pytest
import torch
from support.inception import build_inception
from torch.nn import functional

from engines.nets.fid_inception import BlockE, FidInception, LastBlock, resize_like_tf1

# Table 1 of Szegedy et al. 2016, as chains of (name, stride, padding) after `block.`; a last
# pair of names is run on the same input, and joined.
WIDE, TALL = (1, (0, 3)), (1, (3, 0))
A = [[("branch1x1", 1, 0)], [("branch5x5_1", 1, 0), ("branch5x5_2", 1, 2)],
     [("branch3x3dbl_1", 1, 0), ("branch3x3dbl_2", 1, 1), ("branch3x3dbl_3", 1, 1)]]  # fmt: skip
B = [[("branch3x3", 2, 0)],
     [("branch3x3dbl_1", 1, 0), ("branch3x3dbl_2", 1, 1), ("branch3x3dbl_3", 2, 0)]]  # fmt: skip
C = [[("branch1x1", 1, 0)], [("branch7x7_1", 1, 0), ("branch7x7_2", *WIDE), ("branch7x7_3", *TALL)],
     [("branch7x7dbl_1", 1, 0), ("branch7x7dbl_2", *TALL), ("branch7x7dbl_3", *WIDE),
      ("branch7x7dbl_4", *TALL), ("branch7x7dbl_5", *WIDE)]]  # fmt: skip
D = [[("branch3x3_1", 1, 0), ("branch3x3_2", 2, 0)],
     [("branch7x7x3_1", 1, 0), ("branch7x7x3_2", *WIDE), ("branch7x7x3_3", *TALL),
      ("branch7x7x3_4", 2, 0)]]  # fmt: skip
SPREAD = ((1, (0, 1)), (1, (1, 0)))
E = [[("branch1x1", 1, 0)],
     [("branch3x3_1", 1, 0), [("branch3x3_2a", *SPREAD[0]), ("branch3x3_2b", *SPREAD[1])]],
     [("branch3x3dbl_1", 1, 0), ("branch3x3dbl_2", 1, 1),
      [("branch3x3dbl_3a", *SPREAD[0]), ("branch3x3dbl_3b", *SPREAD[1])]]]  # fmt: skip
BLOCKS = {
    "Mixed_5b": (A, "mean"), "Mixed_5c": (A, "mean"), "Mixed_5d": (A, "mean"),
    "Mixed_6a": (B, "halve"), "Mixed_6b": (C, "mean"), "Mixed_6c": (C, "mean"),
    "Mixed_6d": (C, "mean"), "Mixed_6e": (C, "mean"), "Mixed_7a": (D, "halve"),
    "Mixed_7b": (E, "mean"), "Mixed_7c": (E, "max"),
}  # fmt: skip


def unit(x, state, name, stride=1, padding=0):
    x = functional.conv2d(x, state[f"{name}.conv.weight"], stride=stride, padding=padding)
    mean, spread, weight, bias = (
        state[f"{name}.bn.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return ((x - mean) / (spread + 1e-3).sqrt() * weight + bias).clamp(min=0)


def pool(x, how):
    """Windows of 3 × 3 one by one: the mean of those pixels that there are, or the maximum."""
    stride, edge = (2, 0) if how == "halve" else (1, 1)
    filled = functional.pad(x, [edge] * 4, value=torch.nan).unfold(2, 3, stride)
    windows = filled.unfold(3, 3, stride).flatten(4)
    return windows.nanmean(-1) if how == "mean" else windows.nan_to_num(-np.inf).amax(-1)


def transcribe(x, state):
    for name, stride, padding in (("Conv2d_1a_3x3", 2, 0), ("Conv2d_2a_3x3", 1, 0),
                                  ("Conv2d_2b_3x3", 1, 1)):  # fmt: skip
        x = unit(x, state, name, stride, padding)
    x = unit(pool(x, "halve"), state, "Conv2d_3b_1x1")
    x = pool(unit(x, state, "Conv2d_4a_3x3"), "halve")
    for block, (chains, how) in BLOCKS.items():
        outputs = []
        for chain in chains:
            y = x
            for step in chain:
                several = step if isinstance(step, list) else [step]
                y = torch.cat([unit(y, state, f"{block}.{name}", *at) for name, *at in several], 1)
            outputs.append(y)
        last = pool(x, how)
        if how != "halve":
            last = unit(last, state, f"{block}.branch_pool")
        x = torch.cat([*outputs, last], 1)
    return x.flatten(2).mean(-1)


def test_features_are_those_of_a_transcription_in_float64(monkeypatch) -> None:
    net = build_inception()
    x = torch.rand(1, 3, 107, 91) * 2 - 1
    with torch.inference_mode():
        state = {name: value.double() for name, value in net.state_dict().items()}
        expected, found = transcribe(x.double(), state), net(x)
        assert found.shape == (1, 2048) and expected.std() > 0.05
        torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-4)
    with torch.inference_mode(), monkeypatch.context() as patch:
        patch.setattr(LastBlock, "pool", BlockE.pool)
        assert (net(x) - found).abs().max() > 0.01, "a mean in the last block would be seen"


def test_names_and_numbers_of_the_published_file() -> None:
    with torch.device("meta"):
        state = FidInception().state_dict()
    kept = {name: value for name, value in state.items() if "num_batches_tracked" not in name}
    assert len(kept) == 94 * 5 + 2, "94 convolutions with their norms, and the classes"
    assert kept["fc.weight"].shape == (1008, 2048) and not any("Aux" in name for name in kept)
    assert kept["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)
    learned = sum(v.numel() for name, v in kept.items() if "running" not in name)
    assert learned == 21_785_568 + 2048 * 1008 + 1008


@pytest.mark.parametrize(("height", "width"), [(40, 60), (299, 299), (500, 311)])
def test_the_resize_is_tensorflows(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, height, width)).astype(np.float32)
    found = resize_like_tf1(torch.from_numpy(pixels)).numpy()
    expected = pixels.astype(np.float64)
    for axis in (2, 3):
        length = expected.shape[axis]
        at = np.arange(299) * (length / 299)
        low = np.minimum(at.astype(int), length - 1)
        high = np.minimum(low + 1, length - 1)
        share = np.expand_dims(at - low, (0, 1, 3 if axis == 2 else 2))
        low_pixels = expected.take(low, axis)
        expected = low_pixels + (expected.take(high, axis) - low_pixels) * share
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert (height, width) != (299, 299) or np.array_equal(found, pixels)
