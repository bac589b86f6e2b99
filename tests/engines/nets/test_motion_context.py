"""MotionRAG's resampler and context transformer beside their equations, written out in float64."""

import numpy as np
import pytest
import torch
from support import motionrag

from data.errors import UserError
from engines.nets.motion_context import MotionContext, build_causal_mask, encode_sinusoids
from engines.nets.perceiver import PerceiverResampler

Q, DIM = 3, 16


@pytest.fixture
def context() -> MotionContext:
    torch.manual_seed(0)
    inner = PerceiverResampler(12, DIM, queries=Q, depth=2, heads=2, head_dim=4)
    return MotionContext(inner, DIM, queries=Q, layers=2, heads=4).double().eval()


def tokens(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, Q, DIM, generator=torch.Generator().manual_seed(seed)).double()


def test_parameters_are_those_of_the_release() -> None:
    with torch.device("meta"):
        motion, appearance = PerceiverResampler(768), PerceiverResampler(1024)
        whole = MotionContext(appearance)
    sizes = [
        sum(p.numel() for p in m.parameters()) for m in (motion, appearance, whole.transformer)
    ]
    assert sizes == [48_026_624, 48_288_768, 50_384_896]
    shapes = {name: tuple(value.shape) for name, value in motion.state_dict().items()}
    assert len(shapes) == 51
    assert shapes["layers.3.0.to_kv.weight"] == (1536, 1024)
    assert shapes["layers.0.0.to_out.weight"] == (1024, 768)
    assert shapes["layers.2.1.1.weight"] == (4096, 1024) and shapes["latents"] == (1, 25, 1024)
    names = list(whole.state_dict())
    assert len(names) == 48 + 51 + 1 and "sos_token" in names
    assert "transformer.layers.3.self_attn.in_proj_weight" in names
    assert "condition_proj.layers.0.1.3.weight" in names


def test_the_resampler_is_its_equations() -> None:
    torch.manual_seed(0)
    model = PerceiverResampler(12, DIM, queries=Q, depth=2, heads=2, head_dim=4).double()
    seen = torch.randn(1, 7, 12).double()
    right = motionrag.resample(seen[0].numpy(), model.state_dict(), heads=2, depth=2)
    np.testing.assert_allclose(model(seen)[0].detach().numpy(), right, atol=1e-10)


def test_the_context_is_its_equations(context: MotionContext) -> None:
    motions, appearances = tokens(1, 3), tokens(1, 4, seed=2)
    right = motionrag.predict(
        motions[0].numpy(), appearances[0].numpy(), context.state_dict(), 4, 2
    )
    found = context(motions, appearances)[0].detach().numpy()
    np.testing.assert_allclose(found, right, atol=1e-10)


@pytest.mark.parametrize("slot", range(4))
def test_a_slot_sees_nothing_of_later_ones(context: MotionContext, slot: int) -> None:
    motions, appearances = tokens(1, 4), tokens(1, 4, seed=2)
    before = context(motions, appearances)
    motions[:, slot:] += 1  # of slot itself too: its own motion is what it predicts
    appearances[:, slot + 1 :] += 1
    after = context(motions, appearances)
    assert torch.equal(before[:, : slot + 1], after[:, : slot + 1])
    assert slot == 3 or not torch.allclose(before[:, slot + 1 :], after[:, slot + 1 :])


def test_the_order_of_references_counts_and_fewer_are_fewer_slots(context: MotionContext) -> None:
    motions, appearances = tokens(1, 3), tokens(1, 4, seed=2)
    swapped = [1, 0, 2]
    other = context(motions[:, swapped], appearances[:, [*swapped, 3]])
    assert not torch.allclose(context(motions, appearances)[:, -1], other[:, -1])
    assert context(motions[:, :0], appearances[:, :1]).shape == (1, 1, Q, DIM)


def test_more_references_than_positions_are_refused_by_their_number() -> None:
    with torch.device("meta"):
        model = MotionContext(PerceiverResampler(1024))
        with pytest.raises(UserError, match="-k 9"):
            model(torch.empty(1, 10, 25, 1024), torch.empty(1, 11, 25, 1024))


def test_positions_are_sines_at_even_and_cosines_at_odd_places() -> None:
    table = encode_sinusoids(6, 8, torch.zeros(1, dtype=torch.float64))
    np.testing.assert_allclose(table.numpy(), motionrag.sinusoid(6, 8), atol=1e-12)
    mask = build_causal_mask(3, 2, torch.device("cpu"))
    assert (
        mask.int().tolist() == [[0, 0, 1, 1, 1, 1]] * 2 + [[0, 0, 0, 0, 1, 1]] * 2 + [[0] * 6] * 2
    )
