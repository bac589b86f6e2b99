"""The scripts that train the bundled image-to-video model, for two steps each."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableVideoDiffusionPipeline
from safetensors.torch import load_file, save_file
from support.training_scripts import run_scripts

from engines.generate.motionrag.motion_sites import find_base, list_motion_sites
from engines.tiny.i2v import base, clips, codec, training_set
from engines.tiny.i2v.evaluate import draw_test_scenes, generate_clips

pytestmark = pytest.mark.slow  # two steps of each script take seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the codec's script and the base's leave after two steps."""
    made = tmp_path_factory.mktemp("i2v")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clips, "CLIPS", 4)
        return run_scripts(made, (codec, base))


@pytest.fixture(scope="module")
def pipe(folder: Path) -> StableVideoDiffusionPipeline:
    loaded = StableVideoDiffusionPipeline.from_pretrained(
        folder, use_safetensors=True, dtype=torch.float32
    )
    loaded.set_progress_bar_config(disable=True)
    return loaded


def test_they_leave_a_pipeline_that_diffusers_loads_and_runs(
    folder: Path, pipe: StableVideoDiffusionPipeline
) -> None:
    made = generate_clips(pipe, draw_test_scenes(2), steps=1, guidance=3.0)
    assert [clip.shape for clip in made] == [(8, 32, 32, 3)] * 2
    assert made[0].dtype == np.uint8 and (made[0] != made[1]).any()
    assert not any(str(folder) in file.read_text() for file in folder.rglob("*.json"))


def test_motion_adapters_have_sites_at_all_its_spatial_attentions(
    pipe: StableVideoDiffusionPipeline,
) -> None:
    sites = list_motion_sites(find_base(pipe))
    assert len(sites) == 4 and set(sites.values()) == {(64, 2)}


def test_all_its_weights_stay_small(folder: Path) -> None:
    weights = [file.stat().st_size for file in folder.rglob("*.safetensors")]
    assert len(weights) == 3 and sum(weights) < 8_500_000


def test_frames_are_decoded_each_by_itself_however_many_at_once(
    pipe: StableVideoDiffusionPipeline,
) -> None:
    latents = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = pipe.vae.decode(latents, num_frames=4).sample
        single = torch.cat([pipe.vae.decode(each[None], num_frames=1).sample for each in latents])
    torch.testing.assert_close(whole, single)


def test_clips_are_encoded_once_and_anew_for_another_codec(
    folder: Path, pipe: StableVideoDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "CLIPS", 4)
    stored = sorted(folder.parent.glob("*.safetensors"))
    assert len(stored) == 1
    again = clips.prepare_clips(pipe.vae, folder, 0)
    assert sorted(folder.parent.glob("*.safetensors")) == stored
    assert again.latents.shape == (4, 8, 4, 8, 8) and again.images.shape == (4, 4, 8, 8)
    assert again.pictures.shape == (4, 32, 32, 3) and (again.strengths > 0).all()
    assert again.latents.astype(np.float32).std() == pytest.approx(1, rel=0.3)
    given = torch.from_numpy(again.pictures.transpose(0, 3, 1, 2) / 127.5 - 1).float()
    with torch.inference_mode():
        encoded = pipe.vae.encode(given).latent_dist.mode() * pipe.vae.config.scaling_factor
    assert np.abs(encoded.numpy() - again.latents[:, 0]).max() < 0.02, "first frames, as stored"
    file = next((folder / "vae").glob("*.safetensors"))
    before = file.read_bytes()
    save_file({k: v + 1 if k == "quant_conv.bias" else v for k, v in load_file(file).items()}, file)
    clips.prepare_clips(pipe.vae, folder, 0)
    file.write_bytes(before)
    assert len(sorted(folder.parent.glob("*.safetensors"))) == 2


def test_the_loss_sees_no_picture_where_guidance_needs_none(
    pipe: StableVideoDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows without a picture have neither its latents nor its token."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    rng = np.random.default_rng(0)
    some = clips.EncodedClips(
        rng.standard_normal((2, 8, 4, 8, 8)).astype(np.float16),
        rng.integers(0, 256, (2, 32, 32, 3), np.uint8),
        np.full(2, 0.05, np.float32),
        rng.standard_normal((2, 4, 8, 8)).astype(np.float16),
        np.ones((2, 2), np.float32),
    )
    way = torch.nn.Linear(2, base.WIDTH)

    class Stop(Exception):
        pass

    def look(given: torch.Tensor, steps: torch.Tensor, token: torch.Tensor, **_: object) -> None:
        seen.append((given[:, :, 4:], token))
        raise Stop

    monkeypatch.setattr(pipe.unet, "forward", look)
    for share in (1.0, 0.0):
        monkeypatch.setattr(base, "IMAGE_DROPOUT", share)
        with pytest.raises(Stop):
            base.BaseTrainer(pipe, some, way).loss(np.random.default_rng(0), 4)
    (no_latents, no_token), (latents, token) = seen
    assert not no_latents.any() and not no_token.any()
    assert latents.flatten(1).any(1).all() and token.flatten(1).any(1).all()
    assert (latents == latents[:, :1]).all()
    assert training_set.FRAMES == latents.shape[1]
