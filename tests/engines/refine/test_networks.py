"""Refiners with weights: strict loading by published names, and diffusers' autoencoders."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support import tiny_pipelines, zeroscope

from data.errors import UserError
from data.specs.refine import RefineSpec
from engines.refine.networks import build_network, read_sizes, save_network
from engines.refine.plugins import build_refiner, identify_plugins
from engines.refine.protocol import Windows

SIZES = {
    "unet": {"dim": 8, "multipliers": [1, 2], "heads": 2, "head_width": 4},
    "augmented": {"dim": 8, "multipliers": [1, 2], "heads": 2, "head_width": 4,
                  "holes": False, "residual": False},
    "vq": {"hidden": 8, "layers": 1, "width": 4, "codes": 16, "downsample": [2, 2, 2]},
    "fuse": {"hidden": 16, "blocks": 1, "heads": 2, "map": [4, 4]},
}  # fmt: skip
PUBLISHED = {"unet": {"holes": False, "residual": False}}
OPTIONS = {"fuse": {"heads": 2, "height": 16, "width": 16}, "vq": {"downsample": (2, 2, 2)}}


def network(kind: str, **sizes) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network(kind, SIZES[kind] | sizes)


def refine(spec: RefineSpec, shape=(1, 5, 16, 16, 3), holes=None, prompt="") -> np.ndarray:
    refiner = build_refiner(spec)
    refiner.load()
    low, high = refiner.shape.values
    frames = np.random.default_rng(0).uniform(low, high, shape).astype(np.float32)
    return refiner.refine(Windows(frames, holes, tuple(range(len(frames))), prompt))


@pytest.mark.parametrize("kind", list(SIZES))
def test_a_file_of_ours_holds_its_sizes(tmp_path: Path, kind: str) -> None:
    file, refiner = tmp_path / "refiner.safetensors", "unet" if kind == "augmented" else kind
    saved = network(kind).eval()
    save_network(saved, kind, file, torch.float32)
    found, sizes = read_sizes(str(file)) or ("", {})
    assert found == kind and SIZES[kind].items() <= sizes.items()
    by_folder = refine(RefineSpec(refiner=refiner, weights=str(tmp_path)))
    assert np.array_equal(by_folder, refine(RefineSpec(refiner=refiner, weights=str(file))))
    parts = identify_plugins(RefineSpec(refiner=refiner, weights=str(file)))
    assert len(parts["model"]) == 64


@pytest.mark.parametrize("kind", list(SIZES))
def test_weights_of_the_published_names_load_by_their_shapes(tmp_path: Path, kind: str) -> None:
    refiner = "unet" if kind == "augmented" else kind
    saved, file = network(kind, **PUBLISHED.get(kind, {})).eval(), tmp_path / "ours.safetensors"
    save_network(saved, kind, file, torch.float32)
    state = saved.state_dict()
    if refiner == "unet":  # which a published file holds, and nothing depends on
        state |= {"time_mlp.1.weight": torch.ones(2, 2), "time_mlp.3.bias": torch.ones(2)}
        state |= {"init_temporal_attn.fn.fn.fn.rotary_emb.freqs": torch.ones(2)}
    torch.save({"state_dict": state}, tmp_path / "published.pt")
    spec = RefineSpec(refiner=refiner, weights=str(tmp_path / "published.pt"))
    given = refine(spec.model_copy(update={"options": OPTIONS.get(refiner, {})}))
    assert np.array_equal(given, refine(RefineSpec(refiner=refiner, weights=str(file))))


@pytest.mark.parametrize("kind", ["unet", "vq", "fuse"])
def test_every_parameter_that_does_not_fit_is_named(tmp_path: Path, kind: str) -> None:
    state, odd = network(kind).state_dict(), tmp_path / "odd.safetensors"
    names = sorted(name for name in state if name.endswith("bias"))
    gone, bent = names[0], names[-1]
    del state[gone]
    state |= {bent: torch.ones(3), "extra.weight": torch.ones(1), "extra.bias": torch.ones(1)}
    record = json.dumps({"network": kind, "sizes": SIZES[kind]})
    save_file(state, odd, {"reelflow": record})
    refiner = build_refiner(RefineSpec(refiner=kind, weights=str(odd)))
    with pytest.raises(UserError) as raised:
        refiner.load()
    said = str(raised.value)
    assert f"{gone} is missing" in said and f"{bent} is (3,), not" in said
    assert "extra.weight is unknown" in said and "extra.bias is unknown" in said


def test_hundreds_of_parameters_are_all_named(tmp_path: Path) -> None:
    torch.save(
        {name: value for name, value in network("unet").state_dict().items() if "ups" not in name},
        tmp_path / "half.pt",
    )
    refiner = build_refiner(RefineSpec(refiner="unet", weights=str(tmp_path / "half.pt")))
    with pytest.raises(UserError) as raised:
        refiner.load()
    expected = [name for name in network("unet").state_dict() if "ups" in name]
    assert len(expected) > 30 and all(
        f"{name} is missing" in str(raised.value) for name in expected
    )


@pytest.mark.parametrize(
    ("refiner", "kind", "said"),
    [("vq", "unet", "--refiner unet"), ("unet", "fuse", "--refiner fuse")],
)
def test_another_refiners_file_is_refused_by_name(tmp_path, refiner, kind, said) -> None:
    save_network(network(kind), kind, tmp_path / "one.safetensors", torch.float32)
    with pytest.raises(UserError, match=said):
        build_refiner(RefineSpec(refiner=refiner, weights=str(tmp_path / "one.safetensors")))


def test_weights_that_are_not_there_are_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train-refiner --refiner fuse"):
        build_refiner(RefineSpec(refiner="fuse"))
    with pytest.raises(UserError, match="nowhere"):
        build_refiner(RefineSpec(refiner="unet", weights=str(tmp_path / "nowhere")))


def test_what_is_in_a_hole_does_not_reach_fuse(tmp_path: Path) -> None:
    save_network(network("fuse"), "fuse", tmp_path / "f.safetensors", torch.float32)
    refiner = build_refiner(RefineSpec(refiner="fuse", weights=str(tmp_path / "f.safetensors")))
    refiner.load()
    frames = np.random.default_rng(0).uniform(-1, 1, (1, 3, 16, 16, 3)).astype(np.float32)
    holes = np.zeros(frames.shape[:-1], bool)
    holes[:, 1, 4:9, 4:9] = True
    other = np.where(holes[..., None], np.float32(0.7), frames)
    first, second = (refiner.refine(Windows(each, holes, (0,))) for each in (frames, other))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, refiner.refine(Windows(frames, None, (0,))))


def test_fuse_of_another_size_says_which(tmp_path: Path) -> None:
    torch.save(network("fuse").state_dict(), tmp_path / "f.pt")
    refiner = build_refiner(RefineSpec(refiner="fuse", weights=str(tmp_path / "f.pt")))
    with pytest.raises(UserError, match=r"16x16.*height=16"):
        refiner.load()


def test_any_number_of_frames_goes_through_a_codebook(tmp_path: Path) -> None:
    save_network(network("vq"), "vq", tmp_path / "v.safetensors", torch.float32)
    spec = RefineSpec(refiner="vq", weights=str(tmp_path / "v.safetensors"))
    assert refine(spec, (1, 1, 4, 4, 3)).shape == (1, 1, 4, 4, 3)


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a picture autoencoder's pipeline, and of two video autoencoders'."""
    folder = tmp_path_factory.mktemp("pipelines")
    for name, make in (("zeroscope", zeroscope.pipeline), ("wan", tiny_pipelines.wan),
                       ("ltx", tiny_pipelines.ltx)):  # fmt: skip
        make().save_pretrained(folder / name)
    return folder


@pytest.mark.parametrize(("name", "multiple"), [("zeroscope", 4), ("wan", 8), ("ltx", 4)])
def test_an_autoencoder_of_diffusers_is_taken_by_its_folder(pipelines, name, multiple) -> None:
    for folder in (pipelines / name, pipelines / name / "vae"):
        spec = RefineSpec(refiner="vq", weights=str(folder))
        refiner = build_refiner(spec)
        assert refiner.shape.multiple == multiple and refiner.shape.values == (-1.0, 1.0)
    given = refine(spec, (2, 5, 32, 32, 3))
    assert given.shape == (2, 5, 32, 32, 3) and np.isfinite(given).all()


def test_an_image_autoencoder_gives_what_diffusers_gives(pipelines: Path) -> None:
    from diffusers import AutoencoderKL

    folder = pipelines / "zeroscope" / "vae"
    vae = AutoencoderKL.from_pretrained(folder).eval()
    frames = np.random.default_rng(0).uniform(-1, 1, (1, 2, 16, 16, 3)).astype(np.float32)
    with torch.inference_mode():
        latents = vae.encode(torch.from_numpy(frames[0]).movedim(-1, 1)).latent_dist.mode()
        expected = vae.decode(latents).sample.movedim(1, -1).numpy()
    refiner = build_refiner(RefineSpec(refiner="vq", weights=str(folder)))
    refiner.load()
    np.testing.assert_allclose(refiner.refine(Windows(frames, None, (0,)))[0], expected, atol=1e-5)


def test_a_folder_without_an_autoencoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        build_refiner(RefineSpec(refiner="vq", weights=str(tmp_path)))
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "DDIMScheduler"}))
    refiner = build_refiner(RefineSpec(refiner="vq", weights=str(tmp_path)))
    with pytest.raises(UserError, match="no autoencoder"):
        refiner.load()


@pytest.mark.parametrize("name", ["zeroscope", "wan"])
def test_little_strength_keeps_a_clip_and_the_seed_decides(pipelines: Path, name: str) -> None:
    options = {"steps": 4, "strength": 0.3, "guidance": 1.0}
    spec = RefineSpec(refiner="sdedit", weights=str(pipelines / name), options=options)
    refiner = build_refiner(spec)
    refiner.load()
    frames = np.random.default_rng(0).random((1, 6, 32, 32, 3), np.float32)
    prompt = "a red ball moves" if name == "zeroscope" else "a cat"
    given = [refiner.refine(Windows(frames, None, (seed,), prompt)) for seed in (1, 1, 2)]
    assert given[0].shape == frames.shape and given[0].dtype == np.float32
    assert np.array_equal(given[0], given[1]) and not np.array_equal(given[0], given[2])


def test_strengths_and_pipelines_that_do_not_fit_are_refused(pipelines: Path) -> None:
    options = {"steps": 4, "strength": 0.1}
    with pytest.raises(UserError, match="steps=10"):
        build_refiner(RefineSpec(refiner="sdedit", options=options))
    refiner = build_refiner(RefineSpec(refiner="sdedit", weights=str(pipelines / "ltx")))
    with pytest.raises(UserError, match="starts from no video"):
        refiner.load()
