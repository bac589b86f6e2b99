from dataclasses import replace

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler
from support import zeroscope

from data.errors import UserError
from data.specs.pipeline import GenerateSpec, RagSpec
from engines.generate.ragme import rag_init

SHAPE = (1, 4, 3, 8, 8)


def scheduler(steps: int) -> DDIMScheduler:
    made = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip
    made.set_timesteps(steps)
    return made


def begin(spec: GenerateSpec, mean=None, steps: int = 10, number: int = 0):
    source = rag_init.noise_generator(zeroscope.request(number), spec)
    return rag_init.init_latents(source, SHAPE, mean, spec, scheduler(steps))


def of(**rag) -> GenerateSpec:
    return GenerateSpec(rag=RagSpec(**rag))


@pytest.mark.parametrize(
    ("steps", "first", "share"),
    [(50, 981, 0.0760), (25, 961, 0.0853), (20, 951, 0.0903), (10, 901, 0.1183)],
)
def test_coefficients_are_the_published_ones(steps: int, first: int, share: float) -> None:
    made = scheduler(steps)
    assert int(made.timesteps[0]) == first
    given, rest = rag_init.mixing_coefficients(made, first)
    assert round(given, 4) == share
    assert given**2 + rest**2 == pytest.approx(1)
    assert steps != 50 or round(rest, 4) == 0.9971


def test_the_clips_mean_is_in_the_noise_by_these_coefficients() -> None:
    mean = torch.randn(SHAPE)
    plain, given = begin(of(init=0), mean).latents, begin(of(), mean).latents
    share, rest = rag_init.mixing_coefficients(scheduler(10), 901)
    torch.testing.assert_close(given, share * mean + rest * plain)
    half = begin(of(init=0.5), mean).latents
    torch.testing.assert_close(half, share / 2 * mean + (1 - share**2 / 4) ** 0.5 * plain)


def test_without_clips_the_noise_is_plain_and_all_steps_are_run() -> None:
    for given in (begin(of(start=0.3)), begin(of(init=0, start=0.3), torch.ones(SHAPE))):
        plain = torch.randn(SHAPE, generator=torch.Generator().manual_seed(100))
        assert torch.equal(given.latents, plain)
        assert len(given.timesteps) == 10


def test_a_later_start_leaves_out_the_noisiest_steps() -> None:
    mean = torch.randn(SHAPE)
    given = begin(of(start=0.4), mean)
    assert given.timesteps.tolist() == [301, 201, 101, 1]
    share, rest = rag_init.mixing_coefficients(scheduler(10), 301)
    torch.testing.assert_close(given.latents, share * mean + rest * begin(of(init=0)).latents)
    assert len(begin(of(start=0.01), mean).timesteps) == 1


def test_noise_hangs_on_the_seed_of_the_request_alone() -> None:
    assert torch.equal(begin(of()).latents, begin(of(start=0.5), None).latents)
    assert not torch.equal(begin(of()).latents, begin(of(), number=1).latents)


def test_shared_noise_is_every_prompts() -> None:
    shared = of(compat=("shared_noise",))
    assert torch.equal(begin(shared).latents, begin(shared, number=1).latents)
    one = rag_init.noise_generator(replace(zeroscope.request(0), sample=1), shared)
    assert not torch.equal(torch.randn(SHAPE, generator=one), begin(shared).latents)


def test_clips_count_alike_or_by_their_scores() -> None:
    assert rag_init.clip_weights([0.9, 0.3, -0.1], of()).tolist() == pytest.approx([1 / 3] * 3)
    assert rag_init.clip_weights([0.9, 0.3, -0.1], of(weights="score")).tolist() == [0.75, 0.25, 0]
    assert rag_init.clip_weights([-0.2, -0.1], of(weights="score")).tolist() == [0.5, 0.5]
    assert rag_init.clip_weights([0.9, 0.3, -0.1], of(weights="best")).tolist() == [1, 0, 0]


def test_other_schedulers_noise_is_as_large_as_they_have_it() -> None:
    euler = EulerDiscreteScheduler(beta_schedule="scaled_linear")
    euler.set_timesteps(5)
    source = rag_init.noise_generator(zeroscope.request(0), of())
    given = rag_init.init_latents(source, SHAPE, None, of(), euler)
    assert float(given.latents.std()) == pytest.approx(float(euler.init_noise_sigma), rel=0.1)


def test_a_scheduler_without_noise_levels_cannot_begin_from_clips() -> None:
    flow = FlowMatchEulerDiscreteScheduler()
    flow.set_timesteps(5)
    with pytest.raises(UserError, match="FlowMatchEulerDiscreteScheduler"):
        rag_init.init_latents(torch.Generator(), SHAPE, torch.ones(SHAPE), of(), flow)


def test_a_scheduler_that_scales_its_noise_cannot_begin_later() -> None:
    euler = EulerDiscreteScheduler(beta_schedule="scaled_linear")
    euler.set_timesteps(5)
    with pytest.raises(UserError, match="--start"):
        rag_init.skip_timesteps(euler, 0.5)
    assert len(rag_init.skip_timesteps(euler, 1)) == 5
