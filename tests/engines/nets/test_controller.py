from dataclasses import replace

import pytest
import torch
from diffusers import UNet3DConditionModel
from support import ragme_equations as equations
from support import zeroscope

from data.errors import UserError
from engines.generate.ragme.injection_sites import inject_clips, list_sites
from engines.nets.controller import Controller
from engines.nets.controller_config import ControllerConfig
from engines.nets.norms import DenoisingStep

ZEROSCOPE = (320,) * 2 + (640,) * 2 + (1280,) * 6 + (640,) * 3 + (320,) * 3
CONFIG = ControllerConfig((16, 32, 16, 16), cin=16, layers=2, time_channels=64)
ORDERED = replace(CONFIG, positions=True, temporal_average=False, videos="loop")


def trained(config: ControllerConfig) -> Controller:
    """A controller as after training: its gates are open, its norms are not alike."""
    torch.manual_seed(3)
    controller = Controller(config).double()
    for parameter in controller.infuser.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return controller.eval().requires_grad_(False)


def tokens(samples: int = 2, videos: int = 3) -> torch.Tensor:
    torch.manual_seed(4)
    return torch.randn(samples, videos, 4, 16, dtype=torch.float64)


def call(samples: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(5)
    sample = torch.randn(samples, 4, 3, 8, 8, dtype=torch.float64)
    text = torch.randn(samples, 5, 24, dtype=torch.float64)
    return sample, torch.tensor([17, 801, 400])[:samples], text


@pytest.fixture(scope="module")
def unet():
    return zeroscope.unet().double()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"norm": "unet", "videos": "loop", "tokens": "cls"},
        {"norm": "layer", "tokens": "mean", "temporal_average": False},
        {"videos": "loop", "spatial_average": False},
        {"spatial_average": False, "temporal_average": False, "only_cross_attention": False},
        {"mode": "add", "tokens": "cls"},
        {"mode": "add", "tokens": "mean", "norm": "layer", "spatial_average": False},
        {"mode": "add", "tokens": "mean", "temporal_average": False},
    ],
)
def test_a_conditioned_unet_is_the_published_equations(unet, options: dict) -> None:
    config = replace(CONFIG, **options)
    controller, clips, (sample, t, text) = trained(config), tokens(), call()
    present = torch.tensor([[True, True, False], [True, True, True]])
    state = controller.state_dict()

    def add(j, h, temb):
        parts = h.unflatten(0, (2, 3))
        told = [
            equations.compute_residual(
                state, config, j, parts[n], clips[n][present[n]], t[n], temb[n]
            )
            for n in range(2)
        ]
        return (parts + torch.stack(told)).flatten(0, 1)

    expected = equations.unet_forward(unet, sample, t, text, add)
    with inject_clips(unet, controller, controller.precompute_context(clips, present)):
        given = unet(sample, t, text).sample
    plain = unet(sample, t, text).sample
    assert (given - expected).abs().max() <= 1e-5
    assert (expected - plain).abs().max() > 1e-2


def test_an_untrained_controller_leaves_the_base_bit_for_bit(unet) -> None:
    for config in (CONFIG, ORDERED, replace(CONFIG, mode="add", tokens="mean")):
        controller = Controller(config).double()
        with inject_clips(unet, controller, controller.precompute_context(tokens())):
            given = unet(*call()).sample
        assert torch.equal(given, unet(*call()).sample)


@pytest.mark.parametrize(
    ("norm", "millions"), [("learned", 344.55), ("unet", 333.93), ("layer", 270.03)]
)
def test_at_full_size_there_are_as_many_parameters_as_published(norm, millions) -> None:
    with torch.device("meta"):
        controller = Controller(ControllerConfig(ZEROSCOPE, norm=norm))
        with_cls = Controller(ControllerConfig(ZEROSCOPE, norm=norm, tokens="cls"))
    count = sum(parameter.numel() for parameter in controller.parameters())
    assert round(count / 1e6, 2) == millions
    assert sum(parameter.numel() for parameter in controller.body.parameters()) == 33_611_776
    assert sum(parameter.numel() for parameter in with_cls.parameters()) == count + 512


def test_parameters_have_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        state = Controller(ControllerConfig(ZEROSCOPE)).state_dict()
        add = Controller(ControllerConfig(ZEROSCOPE, mode="add", tokens="cls")).state_dict()
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    assert shapes["body.7.ff.net.0.proj.weight"] == (4096, 512)
    assert shapes["infuser.blocks.4.attn1.to_k.weight"] == (1280, 512)
    assert shapes["infuser.blocks.15.norm2.emb.weight"] == (1000, 320)
    assert shapes["infuser.blocks.0.norm1.linear.weight"] == (640, 320)
    assert shapes["infuser.zero_convs.10.weight"] == (640, 640, 1, 1)
    assert {key.split(".", 3)[3] for key in add if "blocks.0." in key} == {
        f"{part}.{kind}" for part in ("in_layer", "body.0", "body.3") for kind in ("weight", "bias")
    } | {
        f"{part}.{kind}" for part in ("norm_in", "body.2", "body.5")
        for kind in ("emb.weight", "linear.weight", "linear.bias")
    }  # fmt: skip
    assert not [key for key in shapes if key.startswith("body") and "norm2" in key]


def test_what_is_remembered_serves_every_step(unet) -> None:
    controller, clips = trained(CONFIG), tokens()
    sample, _, text = call()
    once = controller.precompute_context(clips)
    for step in (10, 900):
        with inject_clips(unet, controller, once):
            kept = unet(sample, step, text).sample
        with inject_clips(unet, controller, controller.precompute_context(clips)):
            anew = unet(sample, torch.tensor(step), encoder_hidden_states=text).sample
        assert torch.equal(kept, anew)


@pytest.mark.parametrize("videos", ["mean", "loop"])
@pytest.mark.parametrize("config", [CONFIG, ORDERED])
def test_an_absent_clip_is_as_one_that_was_never_given(unet, videos: str, config) -> None:
    controller, clips = trained(replace(config, videos=videos)), tokens()
    clips[0, 2], clips[1] = torch.nan, torch.nan
    present = torch.tensor([[True, True, False], [False, False, False]])
    with inject_clips(unet, controller, controller.precompute_context(clips, present)):
        given = unet(*call()).sample
    sample, t, text = call()
    with inject_clips(unet, controller, controller.precompute_context(clips[:1, :2])):
        alone = unet(sample[:1], t[:1], text[:1]).sample
    torch.testing.assert_close(given[:1], alone, rtol=0, atol=1e-12)
    assert torch.equal(given[1], unet(*call()).sample[1])


def test_only_with_positions_does_the_order_of_frames_say_anything(unet) -> None:
    clips = tokens()
    for config, heard in ((CONFIG, False), (replace(CONFIG, tokens="cls"), False), (ORDERED, True)):
        controller, given = trained(config), []
        for order in (clips, clips.flip(2)):
            with inject_clips(unet, controller, controller.precompute_context(order)):
                given.append(unet(*call()).sample)
        assert ((given[0] - given[1]).abs().max() > 1e-3) == heard


def test_queries_with_positions_differ_from_frame_to_frame(unet) -> None:
    controller = trained(ORDERED)
    same = torch.randn(1, 16, 1, 1, dtype=torch.float64).expand(3, 16, 8, 8)
    said = controller.precompute_context(tokens(1))
    given = controller.inject_residual(0, same, 3, said, DenoisingStep(torch.tensor([5])))
    assert (given[0] - given[2]).abs().max() > 1e-3


def test_gradients_reach_every_parameter_of_the_controller(unet) -> None:
    for config in (CONFIG, ORDERED, replace(CONFIG, mode="add", tokens="mean")):
        controller = trained(config).requires_grad_(True)
        with inject_clips(unet, controller, controller.precompute_context(tokens())):
            unet(*call()).sample.square().mean().backward()
        assert all(parameter.grad is not None for parameter in controller.parameters())


def test_add_with_a_token_a_frame_is_refused() -> None:
    with pytest.raises(UserError, match="add"):
        Controller(replace(CONFIG, mode="add"))


def test_zeroscope_has_sixteen_sites_in_the_published_order() -> None:
    with torch.device("meta"):
        full = UNet3DConditionModel()
    assert tuple(site.channels for site in list_sites(full)) == ZEROSCOPE
    assert list_sites(full)[6].name == "mid_block.temp_convs.1"
