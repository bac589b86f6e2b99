from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from diffusers import TextToVideoSDPipeline
from safetensors.torch import load_file, save_file
from support import zeroscope
from support.zeroscope import clips, request, spec

from data.errors import UserError
from data.specs.pipeline import GenerateSpec, RagSpec
from engines.base import load_plugin
from engines.embed.weights import digest_file
from engines.generate.clips import NO_SOURCE
from engines.generate.generators.ragme import Generator, digests
from engines.generate.protocol import ABSENT, Clip, Speed
from engines.generate.ragme import checkpoint
from engines.nets.controller import Controller
from engines.nets.controller_config import ControllerConfig
from engines.tiny.t2v.networks import build_scheduler

CONFIG = ControllerConfig((16, 32, 16, 16), cin=zeroscope.CIN, layers=2, videos="loop")
PLAIN = RagSpec(init=0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zeroscope")
    zeroscope.pipeline().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("controller")
    torch.manual_seed(6)
    made = Controller(CONFIG)
    for parameter in made.infuser.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    checkpoint.save_controller(made, folder, 100)
    return str(folder)


def generator(spec: GenerateSpec) -> Generator:
    made = Generator(spec)
    made.load(Speed(threads=1))
    return made


@cache
def ready(spec: GenerateSpec) -> Generator:
    return generator(spec)


def videos(spec: GenerateSpec, count: int, numbers: tuple[int, ...] = (0,)) -> np.ndarray:
    """Those of requests by number, each with `count` clips of its own."""
    given = [clips(count, seed=number) for number in numbers]
    return ready(spec).generate([request(number, count) for number in numbers], given)


def diffusers_own(base: Path, spec: GenerateSpec, number: int) -> np.ndarray:
    pipe = TextToVideoSDPipeline.from_pretrained(base)
    pipe.set_progress_bar_config(disable=True)
    pipe.vae.enable_slicing()
    asked = request(number)
    video = pipe(
        asked.prompt, height=spec.height, width=spec.width, num_frames=spec.frames,
        num_inference_steps=spec.steps, guidance_scale=spec.guidance,
        negative_prompt=spec.negative, generator=torch.Generator().manual_seed(asked.seed),
    ).frames[0]  # fmt: skip
    return np.rint(video * 255).astype(np.uint8)


@pytest.mark.parametrize("options", [{}, {"guidance": 1.0}, {"negative": "blue", "steps": 5}])
def test_without_clips_it_is_diffusers_own_pipeline_bit_for_bit(
    base: Path, controller: str, options: dict
) -> None:
    asked = spec(base, controller=controller, **options)
    assert np.array_equal(videos(asked, 0)[0], diffusers_own(base, asked, 0))


def test_so_it_is_for_a_base_that_predicts_velocity_from_noise_alone(tmp_path: Path) -> None:
    """As the bundled one; RagInit then adds nothing before the first step, and does later on."""
    pipe = zeroscope.pipeline()
    pipe.scheduler = build_scheduler()
    pipe.save_pretrained(tmp_path)
    asked = spec(tmp_path, controller="none")
    expected = diffusers_own(tmp_path, asked, 0)
    assert np.array_equal(videos(asked, 0)[0], expected)
    assert np.array_equal(videos(asked, 2)[0], expected)
    later = asked.model_copy(update={"rag": RagSpec(start=0.5)})
    assert not np.array_equal(videos(later, 2)[0], expected)


def test_so_it_is_with_an_untrained_controller_none_or_no_guidance_by_clips(
    base: Path, controller: str, tmp_path: Path
) -> None:
    checkpoint.save_controller(Controller(CONFIG), tmp_path, 0)
    expected = diffusers_own(base, spec(base), 0)
    for given, rag in (
        (str(tmp_path), PLAIN),
        ("none", PLAIN),
        (controller, RagSpec(init=0, guidance=0)),
    ):
        made = videos(spec(base, controller=given, rag=rag), 2)
        assert np.array_equal(made[0], expected)


def test_guidance_by_clips_that_add_nothing_changes_nothing_but_roundings(
    base: Path, tmp_path: Path
) -> None:
    """It takes a third row in each batch, and a row's last bits depend on where it lies."""
    checkpoint.save_controller(Controller(CONFIG), tmp_path, 0)
    [made] = videos(spec(base, controller=str(tmp_path), rag=RagSpec(init=0, guidance=3)), 2)
    difference = np.abs(made.astype(int) - diffusers_own(base, spec(base), 0))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01


@pytest.mark.parametrize("rag", [PLAIN, RagSpec(), RagSpec(init=0, guidance=2.0)])
def test_clips_change_the_video(base: Path, controller: str, rag: RagSpec) -> None:
    asked = spec(base, controller=controller, rag=rag)
    assert not np.array_equal(videos(asked, 2), videos(asked, 0))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_video_is_the_same_in_any_batch_and_order(
    base: Path, controller: str, precision: str
) -> None:
    asked = spec(base, controller=controller, precision=precision)
    together = videos(asked, 2, (0, 1, 2))
    assert together.shape == (3, 4, 32, 32, 3) and together.dtype == np.uint8
    for number in (2, 0, 1):
        assert np.array_equal(videos(asked, 2, (number,))[0], together[number])


def test_guidance_by_clips_of_one_is_the_text_guided_sum(base: Path, controller: str) -> None:
    """Without guidance by the text, a scale of 1 leaves what the clips alone predict."""
    own = spec(base, controller=controller, guidance=1.0, rag=RagSpec(init=0, guidance=1.0))
    both = own.model_copy(update={"rag": PLAIN})
    apart = videos(own, 2).astype(int) - videos(both, 2)
    assert np.abs(apart).max() <= 1


def test_latents_of_a_clip_are_made_once(base: Path) -> None:
    made = generator(spec(base, controller="none"))
    first = made.generate([request(0)], [clips(2)])
    again = made.generate([request(0)], [clips(2)])
    assert (made.cache_use.latents_made, made.cache_use.latents_reused) == (2, 2)
    assert np.array_equal(first, again)


def test_what_it_wants_of_clips_hangs_on_the_spec(base: Path) -> None:
    for controller, rag, pixels, tokens in (
        ("x", RagSpec(), True, True),
        ("none", RagSpec(), True, False),
        ("x", PLAIN, False, True),
        ("x", RagSpec(init=0, guidance=0), False, False),
    ):
        inputs = Generator(spec(base, controller=controller, rag=rag)).clip_inputs
        assert (inputs.pixels, inputs.tokens) == (pixels, tokens)


def test_only_raw_tokens_have_a_length_that_matters(base: Path, controller: str) -> None:
    for rag, matters in ((PLAIN, False), (RagSpec(init=0, compat=("raw_tokens",)), True)):
        made = generator(spec(base, controller=controller, rag=rag))
        longer = [replace(c, tokens=c.tokens * 8) for c in clips(2) if c.tokens is not None]
        given = [made.generate([request(0)], [some])[0] for some in (clips(2), longer)]
        assert np.array_equal(*given) != matters


def absent() -> Clip:
    like = clips(1)[0]
    assert like.pixels is not None and like.tokens is not None
    return Clip(NO_SOURCE, 0.0, ABSENT, np.zeros_like(like.pixels), np.zeros_like(like.tokens))


def test_a_missing_hit_has_latents_of_zero(base: Path) -> None:
    """ragme.md, section 4, no. 3: all-zero videos are averaged into the initial noise."""
    made = generator(spec(base, controller="none"))
    both = made._mean_latents([*clips(1), absent()])
    (one,) = made._mean_latents(clips(1))
    assert torch.equal(both[0], one / 2)
    assert made.attribute(request(0), [*clips(1), absent()]).weights == (0.5, None)


def test_clips_that_have_no_part_are_not_attributed(base: Path, controller: str) -> None:
    for rag, name, weights in (
        (RagSpec(weights="best"), "none", (1.0, None)),
        (RagSpec(weights="best"), controller, (1.0, 0.0)),
        (RagSpec(), "none", (0.5, 0.5)),
    ):
        made = Generator(spec(base, controller=name, rag=rag))
        assert made.attribute(request(0), clips(2)).weights == weights


def test_only_runs_whose_videos_changed_have_other_digests(base: Path, tmp_path: Path) -> None:
    plain = spec(base, controller="none")
    filled = spec(base, controller="none", rag=RagSpec(compat=("absent_as_grey",)))
    assert set(digests(plain)) == {"model", "controller"}
    assert digests(filled) == digests(plain) | {"absent": "black"}
    for mode, changed in (("add", True), ("crossattn", False)):
        folder = tmp_path / mode
        config = ControllerConfig((16, 32), cin=16, layers=1, mode=mode, tokens="mean")
        checkpoint.save_controller(Controller(config), folder, 1)
        files = [*folder.glob("checkpoints/1/*"), folder / "config.yaml"]
        before = sha256(" ".join(digest_file(str(file)) for file in files).encode()).hexdigest()
        found = digests(spec(base, controller=str(folder)))["controller"]
        assert (found != before) == changed


def test_a_prompt_that_is_too_long_is_refused_with_where_it_would_be_cut(base: Path) -> None:
    made = generator(spec(base, controller="none"))
    assert made.explain_rejection(request(0)) is None
    asked = replace(request(0), prompt="a red ball moves to the left and a blue square")
    reason = made.explain_rejection(asked) or ""
    assert "11 tokens" in reason and "blue'" in reason


def test_a_negative_prompt_that_is_too_long_is_refused(base: Path) -> None:
    with pytest.raises(UserError, match=r"--negative.* 20 tokens"):
        generator(spec(base, controller="none", negative="red " * 20))


def test_a_size_that_cannot_be_halved_is_refused_with_one_that_can(base: Path) -> None:
    with pytest.raises(UserError, match=r"36x32 .*32x32"):
        generator(spec(base, controller="none", width=36))


def test_frame_vectors_of_another_model_are_refused(base: Path, controller: str) -> None:
    made = generator(spec(base, controller=controller))
    wide = [replace(c, tokens=np.ones((2, 8), np.float32)) for c in clips(2)]
    with pytest.raises(UserError, match=r" 8 .* 16\b"):
        made.generate([request(0)], [wide])


def copied(base: Path, folder: Path) -> Path:
    return Path(copytree(base, folder / "copy"))


def test_a_base_with_parameters_missing_is_refused_with_their_names(
    base: Path, tmp_path: Path
) -> None:
    folder = copied(base, tmp_path)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    state = load_file(file)
    del state["conv_in.weight"]
    save_file(state, file)
    with pytest.raises(UserError, match=r"conv_in\.weight"):
        generator(spec(folder, controller="none"))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_base_that_is_cut_short_is_refused(base: Path, tmp_path: Path, part: str) -> None:
    folder = copied(base, tmp_path)
    (file,) = (folder / part).glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match=part):
        generator(spec(folder, controller="none"))


def test_a_base_without_safetensors_is_refused(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.rename(file.with_suffix(".bin"))
    with pytest.raises(UserError, match="unet"):
        generator(spec(folder, controller="none"))


def test_digests_name_what_is_loaded_by_content(
    base: Path, controller: str, tmp_path: Path
) -> None:
    asked = spec(base, controller=controller)
    before = digests(asked)
    assert before.keys() == {"model", "controller"} and len(before["model"]) == 64
    folder = copied(base, tmp_path)
    assert digests(spec(folder, controller=controller)) == before
    scheduler = folder / "scheduler" / "scheduler_config.json"
    scheduler.write_text(scheduler.read_text().replace("0.012", "0.02"))
    assert digests(spec(folder, controller=controller))["model"] != before["model"]
    assert digests(spec(base, controller="none"))["controller"] == "none"
    assert load_plugin("generate.generators", "ragme").digests is digests


def test_a_controller_that_is_nowhere_is_refused(base: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        digests(spec(base, controller="nowhere"))
