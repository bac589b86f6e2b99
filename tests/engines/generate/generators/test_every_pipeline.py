"""Every video pipeline that is tried, on a tiny folder, and pipelines that are refused."""

import inspect

import diffusers
import numpy as np
import pytest
from support import tiny_others, tiny_pipelines, tiny_transformers, zeroscope
from support.paths import REPOSITORY

from data.errors import UserError
from data.records import Source
from data.specs.pipeline import GenerateSpec, RagSpec
from engines.generate.generators.diffusers import Generator, digests
from engines.generate.pipelines import call
from engines.generate.protocol import Clip, Speed

# How each is made, and what must be given to get a small video of it.
MADE = {
    "TextToVideoSDPipeline": (zeroscope.pipeline, {"frames": 4}),
    "WanPipeline": (tiny_pipelines.wan, {"frames": 5}),
    "WanImageToVideoPipeline": (tiny_transformers.wan_image, {"frames": 5}),
    "LTXPipeline": (tiny_transformers.ltx_text, {"frames": 9}),
    "LTXImageToVideoPipeline": (tiny_pipelines.ltx, {"frames": 9}),
    "CogVideoXPipeline": (tiny_transformers.cogvideox, {"frames": 9}),
    "CogVideoXImageToVideoPipeline": (tiny_transformers.cogvideox_image, {"frames": 9}),
    "HunyuanVideoPipeline": (tiny_others.hunyuan, {"frames": 5}),
    "SkyReelsV2Pipeline": (tiny_transformers.skyreels, {"frames": 5}),
    "MochiPipeline": (tiny_others.mochi, {"frames": 7}),
    "AllegroPipeline": (
        tiny_others.allegro, {"frames": 24, "width": 128, "height": 128, "vae_tiling": True},
    ),
    "LattePipeline": (tiny_others.latte, {"frames": 4}),
    "SanaVideoPipeline": (tiny_transformers.sana, {"frames": 5, "width": 104, "height": 60}),
    "AnimateDiffPipeline": (tiny_others.animatediff, {"frames": 4}),
    "StableVideoDiffusionPipeline": (
        tiny_pipelines.svd, {"frames": 4},
    ),
    "TextToVideoZeroPipeline": (tiny_others.text_to_video_zero, {"frames": 4, "steps": 50}),
}  # fmt: skip


def spec(folder, **options) -> GenerateSpec:
    return zeroscope.spec(folder, **{"engine": "diffusers", "steps": 2} | options)


def video(asked: GenerateSpec) -> np.ndarray:
    """That of a request which has a clip to start from."""
    made, request = Generator(asked), zeroscope.request(0)
    made.load(Speed())
    shape = (asked.frames, 3, asked.height, asked.width)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    [found] = made.generate([request], [[Clip(Source(1, "v", "c", 0.5, ""), 0.0, "k", pixels)]])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_a_pipeline_generates_as_the_documents_say(name: str, tmp_path) -> None:
    make, options = MADE[name]
    make().save_pretrained(tmp_path)
    asked = spec(tmp_path, **options)
    assert set(digests(asked)) == {"model", "controller"}
    found = video(asked)
    assert found.shape == (asked.frames, asked.height, asked.width, 3)
    assert found.std() > 1
    assert f"`{name}`" in (REPOSITORY / "docs" / "generation.md").read_text()


@pytest.fixture(scope="module")
def hunyuan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hunyuan")
    tiny_others.hunyuan().save_pretrained(folder / "embedded")
    tiny_others.hunyuan_without_embedded().save_pretrained(folder / "plain")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["embedded", "plain"])
def test_guidance_and_a_negative_prompt_change_the_video(hunyuan, kind: str) -> None:
    options = [
        {"guidance": 4.0}, {"guidance": 8.0}, {"guidance": 4.0, "negative": "blue"},
        {"guidance": 8.0, "negative": "blue"}, {"guidance": 4.0, "negative": "right"},
    ]  # fmt: skip
    found = [video(spec(hunyuan / kind, frames=5, **each)) for each in options]
    for n, one in enumerate(found):
        assert not any(np.array_equal(one, other) for other in found[:n])


def check(name: str, **options: object) -> None:
    parameters = call.list_parameters(getattr(diffusers, name))
    call.check_call(name, parameters, GenerateSpec(engine="diffusers", **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("StableVideoDiffusionPipeline", {"negative": "grey"}, "--negative"),
        ("HunyuanVideo15Pipeline", {"guidance": 3.0}, "--guidance"),
        ("WanPipeline", {"controller": "c"}, "--controller"),
        ("WanPipeline", {"rag": RagSpec(start=0.5)}, r"rag\.start"),
        ("WanPipeline", {"rag": RagSpec(compat=("raw_tokens",))}, r"rag\.compat"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(name, options, said) -> None:
    check(name)
    with pytest.raises(UserError, match=said):
        check(name, **options)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("StableDiffusionPipeline", "frames"),
        ("FluxPipeline", "frames"),
        ("AnimateDiffVideoToVideoPipeline", "frames"),
        ("WanAnimatePipeline", "pose_video"),
        ("WanVideoToVideoPipeline", "frames"),
        ("VideoToVideoSDPipeline", "frames"),
        ("CogVideoXVideoToVideoPipeline", "frames"),
        ("StableAudioPipeline", "frames"),
    ],
)
def test_another_kind_of_pipeline_is_refused_when_planned(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        check(name)


def test_a_pipelines_own_defaults_are_left_alone() -> None:
    """A None in their place fails in some, and is another value in all."""
    for name in MADE:
        names = call.list_parameters(getattr(diffusers, name))
        given = call.build_arguments(None, names, zeroscope.request(0), GenerateSpec())
        assert given.keys() <= names.keys() and None not in given.values()
        assert given["output_type"] == "np"
        assert [given[frames] for frames in call.FRAMES if frames in given] == [12]
        called = inspect.signature(getattr(diffusers, name).__call__)
        called.bind_partial(None, **given)


def test_guidance_by_a_picture_is_the_pipelines_own_unless_it_is_given() -> None:
    names = call.list_parameters(diffusers.StableVideoDiffusionPipeline)
    for options, said in (({}, None), ({"guidance": 1.5}, 1.5)):
        given = call.build_arguments(None, names, zeroscope.request(0), GenerateSpec(**options))
        assert given.get("max_guidance_scale") == said
