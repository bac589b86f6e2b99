"""Motion-Adapter beside its equations, and on bases of diffusers that it leaves as they are."""

import numpy as np
import pytest
import torch
from support import motionrag, tiny_pipelines, tiny_transformers
from torch import nn

from engines.generate.motionrag.motion_sites import find_base, list_motion_sites
from engines.nets.motion_adapter import MotionAdapter, MotionAdapters


def test_sites_and_parameters_are_those_of_the_release() -> None:
    from diffusers import CogVideoXTransformer3DModel, UNetSpatioTemporalConditionModel

    with torch.device("meta"):
        svd = UNetSpatioTemporalConditionModel()
        cog = CogVideoXTransformer3DModel(48, 64, 32, num_layers=42)
        found = [(len(s), sum(p.numel() for p in MotionAdapters(s).parameters()))
                 for s in map(list_motion_sites, (svd, cog))]  # fmt: skip
    assert found == [(16, 37_949_440), (42, 660_602_880)]
    sites = list_motion_sites(svd)
    assert sites["mid_block.attentions.0.transformer_blocks.0.attn2"] == (1280, 20)
    assert sites["up_blocks.3.attentions.2.transformer_blocks.0.attn2"] == (320, 5)
    assert set(list_motion_sites(cog).values()) == {(3072, 48)}


def test_an_adapter_is_its_equations() -> None:
    torch.manual_seed(0)
    adapter = MotionAdapter(8, 2, 6).double()
    attended, motion = torch.randn(4, 5, 8).double(), torch.randn(2, 3, 6).double()
    found = adapter(attended, adapter.precompute(motion)).detach().numpy()
    q, k, v = (motionrag.number(adapter.state_dict(), f"to_{n}_ip.0.weight") for n in "qkv")
    for row in range(4):  # two rows in a row for each set of tokens
        m = motion[row // 2].numpy()
        right = motionrag.attend(attended[row].numpy() @ q.T, m @ k.T, m @ v.T, heads=2)
        np.testing.assert_allclose(found[row], right, atol=1e-12)
    with pytest.raises(ValueError, match="3 rows"):
        adapter(attended[:3], adapter.precompute(motion))


@pytest.fixture(params=[tiny_pipelines.svd, tiny_transformers.cogvideox_image])
def based(request: pytest.FixtureRequest):
    """A base, its adapters on it, and a call of the base with so many rows."""
    pipe = request.param()
    base = find_base(pipe).requires_grad_(False)
    adapters = motionrag.build_release(base).adapters
    adapters.attach(base)
    return base, adapters, call_svd if hasattr(pipe, "unet") else call_cog


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def call_svd(base: nn.Module, rows: int) -> torch.Tensor:
    sample, picture = random(1, 3, 8, 8, 8).expand(rows, -1, -1, -1, -1), random(1, 1, 32)
    return base(sample, 5, picture.expand(rows, -1, -1), torch.ones(rows, 3), return_dict=False)[0]


def call_cog(base: nn.Module, rows: int) -> torch.Tensor:
    sample, text = random(1, 3, 8, 8, 8), random(1, 6, 32)
    return base(
        hidden_states=sample.expand(rows, -1, -1, -1, -1),
        encoder_hidden_states=text.expand(rows, -1, -1), timestep=torch.full((rows,), 5),
    ).sample  # fmt: skip


def test_without_motion_the_base_is_what_it_was_to_the_bit(based) -> None:
    base, adapters, call = based
    motion, null = random(1, 5, 64), random(1, 5, 64) * 0.5
    before = call(base, 2)
    with adapters.condition_on(motion, null):
        moved = call(base, 2)
    assert not torch.allclose(moved[1], before[1])
    assert torch.equal(call(base, 2), before), "tokens are gone with their block"
    for nothing in ({"motion": None}, {"motion": motion, "scale": 0.0}):
        with adapters.condition_on(**{"null": null} | nothing):
            assert torch.equal(call(base, 2), before)


def test_rows_without_text_get_no_motion_and_a_base_without_guidance_gets_the_motion(based) -> None:
    base, adapters, call = based
    motion, null = random(1, 5, 64), random(1, 5, 64) * 0.5
    with adapters.condition_on(motion, null):
        free, guided = call(base, 2)
        torch.testing.assert_close(call(base, 1)[0], guided)
    with adapters.condition_on(null, null):
        torch.testing.assert_close(call(base, 1)[0], free)


def test_blocks_nest_and_errors_end_them(based) -> None:
    base, adapters, call = based
    motion, null = random(1, 5, 64), random(1, 5, 64) * 0.5
    with adapters.condition_on(motion, null):
        before = call(base, 1)
        with pytest.raises(KeyError), adapters.condition_on(motion * 2, null):
            assert not torch.allclose(call(base, 1), before)
            raise KeyError
        assert torch.equal(call(base, 1), before)


def test_motion_has_a_guidance_of_its_own(based) -> None:
    base, adapters, call = based
    motion, null = random(1, 5, 64), random(1, 5, 64) * 0.5
    with adapters.condition_on(motion, null):
        free, moved = call(base, 2)
    with adapters.condition_on(null, null):
        still = call(base, 2)[1]
    with adapters.condition_on(motion, null, guidance=2.5):
        found = call(base, 2)
    torch.testing.assert_close(found[0], free)
    torch.testing.assert_close(found[1], still + 2.5 * (moved - still))
