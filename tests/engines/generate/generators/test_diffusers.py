import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from safetensors.torch import load_file, save_file
from support import tiny_pipelines, zeroscope

from data.errors import UserError
from data.records import Request, Source
from data.specs.pipeline import GenerateSpec
from engines.generate.generators.diffusers import Generator, digests
from engines.generate.pipelines.first_frame import read_first_frame
from engines.generate.pipelines.folder import pipeline_folder
from engines.generate.protocol import Clip, Speed
from engines.video.frames import Resize
from engines.video.resize import resize_pictures

MADE = {
    "zeroscope": (zeroscope.pipeline, 4),
    "wan": (tiny_pipelines.wan, 5),
    "ltx": (tiny_pipelines.ltx, 9),
    "svd": (tiny_pipelines.svd, 4),
}
FROM_A_PICTURE = ("ltx", "svd")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases")
    for name, (make, _) in MADE.items():
        make().save_pretrained(folder / name)
    return folder


def spec(folder, **options):
    frames = MADE[folder.name][1] if folder.name in MADE else 4
    if folder.name == "svd":  # which takes no guidance
        options = {"guidance": GenerateSpec().guidance} | options
    return zeroscope.spec(folder, **{"engine": "diffusers", "steps": 2, "frames": frames} | options)


def loaded(folder, **options):
    made = Generator(spec(folder, **options))
    made.load(Speed())
    return made


def clip(number, frames, rank=1):
    pixels = np.random.default_rng(number).integers(0, 256, (frames, 3, 32, 32), dtype=np.uint8)
    return Clip(Source(rank, f"v{number}", f"c{number}", 0.5, ""), 0.0, f"k{number}", pixels)


def request(number, **more):
    asked = zeroscope.request(number, clips=1)
    return Request(asked.id, asked.prompt_id, asked.prompt, 0, asked.seed, asked.sources, **more)


@pytest.mark.parametrize("name", MADE)
def test_a_request_gives_the_same_video_alone_and_in_company(folders, name):
    generator, frames = loaded(folders / name), MADE[name][1]
    assert generator.clip_inputs.pixels == (name in FROM_A_PICTURE)
    asked = [request(0), request(1)]
    given = [[clip(0, frames)], [clip(1, frames)]]
    together = generator.generate(asked, given)
    alone = loaded(folders / name).generate(asked[1:], given[1:])
    assert together.shape == (2, frames, 32, 32, 3) and together.dtype == np.uint8
    assert together.std() > 1
    assert np.array_equal(together[1], alone[0])
    assert not np.array_equal(together[0], together[1])


def test_it_is_what_the_pipeline_itself_gives(folders):
    asked = request(0)
    made = loaded(folders / "zeroscope", negative="a blue ball").generate([asked], [[]])[0]
    pipe = DiffusionPipeline.from_pretrained(folders / "zeroscope")
    pipe.set_progress_bar_config(disable=True)
    plain = pipe(
        asked.prompt, negative_prompt="a blue ball", num_frames=4, height=32, width=32,
        num_inference_steps=2, guidance_scale=4.0, output_type="np",
        generator=torch.Generator().manual_seed(asked.seed),
    ).frames[0]  # fmt: skip
    assert np.array_equal(made, (plain * 255).round().astype(np.uint8))


@pytest.mark.parametrize("name", FROM_A_PICTURE)
def test_a_video_starts_from_the_prompts_picture_or_else_from_its_best_clip(
    folders, name, tmp_path
):
    frames = MADE[name][1]
    best, other = clip(0, frames, rank=1), clip(1, frames, rank=2)
    Image.fromarray(best.pixels[0].transpose(1, 2, 0)).save(tmp_path / "a.png")
    generator = loaded(folders / name)
    pictured = request(0, image=str(tmp_path / "a.png"))
    found = generator.generate(
        [request(0), pictured, pictured, request(0)], [[other, best], [other], [], [other]]
    )
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[3])


@pytest.mark.parametrize("name", MADE)
def test_only_what_a_video_starts_from_is_attributed(folders, name):
    generator = Generator(spec(folders / name))
    given = [clip(0, 4, rank=2), clip(1, 4, rank=1)]
    pictured = generator.attribute(request(0, image="a.png"), given)
    plain = generator.attribute(request(0), given)
    takes = name in FROM_A_PICTURE
    assert (pictured.weights, pictured.image) == ((None, None), "a.png" if takes else None)
    assert (plain.weights, plain.image) == ((None, 1.0 if takes else None), None)


def test_a_picture_is_cut_to_the_size_and_turned_upright(tmp_path):
    wide = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.fromarray(np.rot90(wide)).save(tmp_path / "turned.png", exif=exif)
    found = read_first_frame(request(0, image=str(tmp_path / "turned.png")), [], 32, 48)
    expected = resize_pictures(wide[None], Resize(32, width=48))[0].transpose(1, 2, 0)
    assert np.array_equal(np.asarray(found), expected)


def test_a_prompt_without_a_picture_or_a_clip_is_refused_where_one_is_needed(folders, tmp_path):
    bare = zeroscope.request(0)
    assert loaded(folders / "zeroscope").explain_rejection(bare) is None
    generator = loaded(folders / "ltx")
    assert "image column" in generator.explain_rejection(bare)
    assert generator.explain_rejection(request(0)) is None
    (tmp_path / "bad.png").write_text("<html>404</html>")
    for name, said in (("bad.png", "UnidentifiedImageError"), ("none.png", "FileNotFoundError")):
        assert said in generator.explain_rejection(request(0, image=str(tmp_path / name)))


def test_a_picture_that_would_fill_the_memory_is_refused(folders, tmp_path, monkeypatch):
    Image.new("RGB", (64, 64)).save(tmp_path / "large.png")
    monkeypatch.setattr("engines.generate.pipelines.first_frame.MAX_PIXELS", 64 * 63)
    asked = request(0, image=str(tmp_path / "large.png"))
    assert "64x64" in loaded(folders / "ltx").explain_rejection(asked)


@pytest.mark.parametrize(("name", "words"), [("zeroscope", 40), ("wan", 600)])
def test_a_prompt_that_would_be_cut_is_refused(folders, name, words):
    long = Request("r", "p", "red " * words, 0, 1)
    assert "tokens" in loaded(folders / name).explain_rejection(long)
    assert loaded(folders / name).explain_rejection(Request("r", "p", "a red ball", 0, 1)) is None


def test_frames_that_a_codec_cannot_give_are_refused_before_anything_is_made(folders):
    with pytest.raises(UserError, match="--frames 5"):
        loaded(folders / "wan", frames=8)


def test_a_size_that_the_pipeline_refuses_is_a_clear_error(folders):
    with pytest.raises(UserError, match=r"40x32: .*divisible by 16"):
        loaded(folders / "wan", width=40).generate([request(0)], [[]])


def test_a_lower_precision_loads_and_generates(folders):
    made = loaded(folders / "zeroscope", precision="bf16")
    assert made._pipe.unet.dtype == torch.bfloat16
    assert made.generate([request(0)], [[]]).shape == (1, 4, 32, 32, 3)


def test_slicing_and_tiling_are_options(folders):
    made = Generator(spec(folders / "zeroscope", vae_tiling=True))
    made.load(Speed(vae_slicing=True))
    assert made._pipe.vae.use_slicing and made._pipe.vae.use_tiling
    with pytest.raises(UserError, match="--vae-tiling"):
        loaded(folders / "svd", vae_tiling=True)


@pytest.fixture
def copied(folders, tmp_path):
    return shutil.copytree(folders / "zeroscope", tmp_path / "copied")


def weights(folder):
    return folder / "unet" / "diffusion_pytorch_model.safetensors"


def test_a_digest_hangs_on_the_content_not_on_the_place(folders, copied):
    first = digests(spec(folders / "zeroscope"))
    assert digests(spec(copied)) == first and first["controller"] == "none"
    held = load_file(weights(copied))
    held["conv_out.bias"] += 1
    save_file(held, weights(copied))
    assert digests(spec(copied)) != first


def test_pickles_are_never_read(copied):
    torch.save(load_file(weights(copied)), copied / "unet" / "diffusion_pytorch_model.bin")
    weights(copied).unlink()
    with pytest.raises(UserError, match="unet"):
        loaded(copied)


def test_weights_that_lack_something_are_refused_by_name(copied):
    held = load_file(weights(copied))
    del held["conv_out.bias"]
    save_file(held, weights(copied))
    with pytest.raises(UserError, match=r"conv_out\.bias"):
        loaded(copied)


@pytest.mark.parametrize(
    "change",
    [{"unet": ["my_code", "UNet"]}, {"_class_name": ["pipeline", "Mine"]}],
    ids=["a part", "the pipeline"],
)
def test_a_folder_that_brings_code_is_refused(copied, change):
    file = copied / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UserError, match="code"):
        Generator(spec(copied))


def test_a_folder_without_a_pipeline_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"model_index\.json"):
        Generator(spec(tmp_path))
    with pytest.raises(UserError, match="none"):
        Generator(spec(tmp_path / "none"))


def test_a_class_that_diffusers_has_not_is_refused(copied):
    file = copied / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"_class_name": "FuturePipeline"}))
    with pytest.raises(UserError, match="FuturePipeline"):
        Generator(spec(copied))


def test_a_name_that_cannot_be_fetched_says_what_to_do(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="--model"):
        Generator(GenerateSpec(engine="diffusers", base="someone/some-model"))


def test_no_base_is_the_bundled_one():
    assert pipeline_folder(None).name == "reelflow-tiny-t2v"
