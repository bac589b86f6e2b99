"""MotionRAG's checkpoints: read strictly, under any of their endings, and written again."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support import motionrag, tiny_pipelines, tiny_transformers

from data.errors import UserError
from engines.evaluate.vision.convert import extract_weights
from engines.generate.motionrag.motion_sites import find_base
from engines.generate.motionrag.release import list_checkpoints, load_release
from engines.generate.motionrag.release_writing import save_release

MOTION, CONTEXT, ADAPTER = "motion_proj", "motion_transformer", "Motion-Adapter"
SITE = "unet.mid_block.attentions.0.transformer_blocks.0.attn2"


@pytest.fixture(scope="module")
def base():
    return find_base(tiny_pipelines.svd())


@pytest.fixture
def folder(tmp_path: Path, base) -> Path:
    save_release(motionrag.build_release(base), base, tmp_path / "release")
    return tmp_path / "release"


def change(folder: Path, name: str, how: Callable[[dict], object]) -> None:
    file = folder / f"{name}.safetensors"
    state = load_file(file)
    save_file(how(state) or state, file)


def fault(folder: Path, base) -> str:
    with pytest.raises(UserError) as found:
        load_release(folder, base)
    return str(found.value)


def states(release) -> list[dict]:
    return [part.state_dict() for part in (release.resampler, release.context, release.adapters)]


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_is_written_is_read_as_published_files_are_too(folder: Path, base, wrapped) -> None:
    """Released ones are pickles, some with a `state_dict` in them."""
    before = load_release(folder, base)
    for file in list_checkpoints(folder):
        state = load_file(file)
        torch.save({"state_dict": state} if wrapped else state, file.with_suffix(".ckpt"))
        file.unlink()
    for one, other in zip(states(before), states(load_release(folder, base)), strict=True):
        assert one.keys() == other.keys() and all(one[k].equal(other[k]) for k in one)


def test_released_files_are_converted_and_each_fault_of_theirs_is_named(tmp_path: Path) -> None:
    """All four, as published: pickles, of bf16, some wrapped; for CogVideoX, which has all."""
    cog = find_base(tiny_transformers.cogvideox_image())
    before = motionrag.build_release(cog)
    save_release(before, cog, tmp_path)
    save_file(tuned_projections(cog), tmp_path / "17_frames.safetensors")
    files = list_checkpoints(tmp_path)
    for file in files:
        state = {name: value.bfloat16() for name, value in load_file(file).items()}
        file.unlink()
        torch.save(
            state if file.stem == MOTION else {"state_dict": state}, file.with_suffix(".ckpt")
        )
        extract_weights(str(file.with_suffix(".ckpt")), str(file))
        found = load_file(file)
        assert found.keys() == state.keys() and all(found[k].equal(state[k]) for k in state)
    for part, loaded in zip(states(before), states(load_release(tmp_path, cog)), strict=True):
        assert all(loaded[k].equal(v.bfloat16().to(loaded[k].dtype)) for k, v in part.items())
    for file in files:
        whole = load_file(file)
        names = sorted(name for name in whole if not name.startswith("action_proj_model"))
        missing, misshapen = names[1::3], names[::3]
        state = {name: value for name, value in whole.items() if name not in missing}
        state |= {name: torch.zeros(3, 1, 2) for name in misshapen} | {"odd.one": torch.zeros(2)}
        save_file(state, file)
        said = fault(tmp_path, cog)
        assert all(f"{name} is missing" in said for name in missing)
        assert all(f"{name} is (3, 1, 2), not " in said for name in misshapen)
        assert "odd.one is unknown" in said and file.name in said
        save_file(whole, file)


def test_names_are_those_of_the_release(folder: Path, base) -> None:
    names = load_file(folder / f"{ADAPTER}.safetensors")
    for part in ("q", "k", "v"):
        assert f"{SITE}.processor.to_{part}_ip.0.weight" in names
    assert "action_proj_model.layers.1.0.to_kv.weight" in names
    cog = find_base(tiny_transformers.cogvideox_image())
    save_release(motionrag.build_release(cog), cog, folder)
    names = load_file(folder / f"{ADAPTER}.safetensors")
    assert "transformer.transformer_blocks.0.attn1.processor.to_q_ip.0.weight" in names
    assert load_release(folder, cog).remarks == []


def test_a_start_that_was_never_trained_is_zero_and_said(folder: Path, base) -> None:
    change(folder, CONTEXT, lambda state: state.pop("sos_token") is None)
    release = load_release(folder, base)
    assert not release.context.sos_token.any()
    assert "sos_token" in release.remarks[0]


@pytest.mark.parametrize(
    ("name", "key"),
    [(MOTION, "layers.1.1.3.weight"), (CONTEXT, "transformer.layers.0.norm1.bias"),
     (CONTEXT, "condition_proj.proj_out.bias"),
     (ADAPTER, f"{SITE}.processor.to_q_ip.0.weight")],
)  # fmt: skip
def test_what_is_missing_or_misshapen_is_named(folder: Path, base, name: str, key: str) -> None:
    state = load_file(folder / f"{name}.safetensors")
    change(folder, name, lambda state: state.update({key: state[key][:-1].clone()}))
    said = fault(folder, base)
    assert f"{name}.safetensors" in said and key.split(".")[-2] in said
    state.pop(key)
    save_file(state, folder / f"{name}.safetensors")
    assert "missing" in fault(folder, base)
    assert list_checkpoints(folder)


def test_what_is_unknown_is_named(folder: Path, base) -> None:
    for name in (MOTION, CONTEXT, ADAPTER):
        change(folder, name, lambda state: state.update(stranger=torch.zeros(1)))
        assert "stranger is unknown" in fault(folder, base)
        change(folder, name, lambda state: state.pop("stranger") is None)
    load_release(folder, base)


def test_a_release_for_another_base_is_refused(folder: Path, base) -> None:
    assert "is unknown" in fault(folder, find_base(tiny_transformers.cogvideox_image()))
    change(folder, MOTION, lambda state: state.update(latents=state["latents"] + 1))
    assert "one release" in fault(folder, base)


def test_dynamicrafter_is_refused_with_the_reason(folder: Path, base) -> None:
    site = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k_a.weight"
    change(folder, ADAPTER, lambda state: {site: torch.zeros(320, 1024)})
    assert "DynamiCrafter" in fault(folder, base)


def test_a_folder_without_its_files_says_which(tmp_path: Path, folder: Path) -> None:
    (folder / f"{CONTEXT}.safetensors").unlink()
    for at, missing in ((tmp_path, MOTION), (folder, CONTEXT)):
        with pytest.raises(UserError, match=missing):
            list_checkpoints(at)


def test_fine_tuned_projections_replace_the_bases_own(folder: Path) -> None:
    cog = find_base(tiny_transformers.cogvideox_image())
    save_release(motionrag.build_release(cog), cog, folder)
    name = "transformer_blocks.0.attn1.to_q.weight"
    tuned = {name: torch.full_like(value, 0.5) for name, value in tuned_projections(cog).items()}
    save_file(tuned, folder / "17_frames.safetensors")
    load_release(folder, cog)
    assert cog.state_dict()[name].equal(tuned[f"transformer.{name}"])
    tuned.pop(f"transformer.{name}")
    save_file(tuned, folder / "17_frames.safetensors")
    assert f"{name} is missing" in fault(folder, cog)


def tuned_projections(cog) -> dict[str, torch.Tensor]:
    """Those of `17_frames`, with the base's own values."""
    return {
        f"transformer.{name}": value.clone() for name, value in cog.state_dict().items()
        if ".attn1.to_" in name and "to_out" not in name
    }  # fmt: skip
