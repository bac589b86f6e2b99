"""What engines would do wrong on a GPU, and can be seen without one."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from support import motionrag, tiny_pipelines, zeroscope
from support.paths import REPOSITORY

from data.outcome import Failed
from data.specs.answer import AnswerSpec
from data.specs.pipeline import EmbedSpec, GenerateSpec
from engines import bundled
from engines.answer.models import transformers
from engines.embed.models.open_clip import Embedder
from engines.generate.generators import motionrag as generator
from engines.generate.motionrag.encoders import VIDEO, ClipEncoders
from engines.generate.motionrag.motion_sites import find_base
from engines.generate.protocol import Speed
from engines.nets.noise import draw_noise, draw_order
from engines.refine.autoencoders import FolderAutoencoder
from engines.refine.video_to_video import VideoToVideo
from engines.video_model import Prompt

ENGINES = REPOSITORY / "engines"
SCRIPTS = ENGINES / "tiny"  # made the bundled models, and makes none of anyone's results


def find_files(pattern: str, *folders: str) -> set[str]:
    """Files of engines in which a pattern is."""
    roots = [ENGINES / folder for folder in folders] or [ENGINES]
    files = [file for root in roots for file in root.rglob("*.py")]
    return {
        str(file.relative_to(ENGINES)) for file in files
        if re.search(pattern, file.read_text()) and not file.is_relative_to(SCRIPTS)
    }  # fmt: skip


def test_float32_is_float32_on_a_gpu_too() -> None:
    """cuDNN's convolutions would otherwise round to the ten bits of TF32."""
    assert find_files(r"inference_mode\(") == {"device.py"}
    assert find_files(r"cudnn\.(deterministic|benchmark|allow_tf32)") == set()
    model = Embedder(EmbedSpec(model=bundled.NAME, precision="fp32"))
    model.load()
    seen = []
    model._model.visual.register_forward_hook(
        lambda *_: seen.append(
            (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic)
        )
    )
    side = model.resize.size
    model.embed_images(np.zeros((1, 3, side, side), np.uint8))
    assert seen == [(False, True)]


def test_noise_of_training_is_the_cpu_s_whatever_the_device() -> None:
    drawn = r"rand\w*_like\(|latent_dist\.sample\(|randperm\([^)]*device|randn\([^)]*device"
    assert find_files(drawn, "train", "nets", "refine") == set()
    torch.manual_seed(3)
    noise, order = (
        draw_noise(torch.empty(2, 3, dtype=torch.float64)),
        draw_order(5, torch.device("cpu")),
    )
    torch.manual_seed(3)
    assert torch.equal(noise, torch.randn(2, 3, dtype=torch.float64))
    assert torch.equal(order, torch.randperm(5))
    assert draw_noise(torch.empty(2, device="meta")).device.type == "meta"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SVD and its release."""
    folder, pipe = tmp_path_factory.mktemp("svd"), tiny_pipelines.svd()
    pipe.save_pretrained(folder / "base")
    motionrag.write_release(folder / "motion", find_base(pipe))
    return folder


def test_adapters_are_where_the_base_computes_not_where_its_parts_wait(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline whose parts are offloaded says that it is on the CPU, and computes elsewhere."""
    usual = GenerateSpec().guidance  # SVD takes none of its own
    options = {"engine": "motionrag", "controller": str(base / "motion"), "frames": 4,
               "guidance": usual}  # fmt: skip
    made = generator.Generator(zeroscope.spec(base / "base", **options))
    monkeypatch.setattr(generator, "pick_device", lambda: "meta")
    made.load(Speed(offload=True))
    assert made._pipe.device.type == "cpu"
    places = {each.device.type for each in (*made._adapters.parameters(), made._null)}
    assert places == {"meta"}


def test_a_folder_in_half_precision_computes_in_float32(base: Path, tmp_path: Path) -> None:
    from transformers import VideoMAEModel

    VideoMAEModel.from_pretrained(base / "motion" / VIDEO).half().save_pretrained(tmp_path)
    clip = np.random.default_rng(0).integers(0, 256, (4, 3, 40, 40), dtype=np.uint8)
    halved, whole = (
        ClipEncoders(folder, None).encode_motion(clip)
        for folder in (tmp_path, base / "motion" / VIDEO)
    )
    assert halved.dtype == torch.float32
    assert torch.allclose(halved, whole, atol=1e-2)


def run_out(*_, **__):
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_running_out_of_memory_is_not_taken_for_a_size_that_is_rejected(tmp_path: Path) -> None:
    pipe = zeroscope.pipeline()
    pipe.save_pretrained(tmp_path)
    autoencoder = FolderAutoencoder(tmp_path)
    autoencoder._model.encode = run_out
    with pytest.raises(torch.OutOfMemoryError):
        autoencoder.reconstruct(torch.zeros(1, 3, 2, 32, 32))
    editor = VideoToVideo(tmp_path, "fp32")
    editor._pipe.unet.forward = run_out
    options = {"strength": 1.0, "steps": 1, "guidance": 1.0, "negative": ""}
    with pytest.raises(torch.OutOfMemoryError):
        editor.edit(np.zeros((2, 32, 32, 3), np.float32), "a red ball", 0, options)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA"), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED")]
)
def test_a_reply_that_memory_is_too_small_for_costs_its_own_prompt(
    error: RuntimeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = transformers.Model(AnswerSpec(model="transformers", weights="of nothing"))

    def reply(batch):
        if any(prompt.id == "b" for prompt in batch):
            raise error
        return [prompt.id for prompt in batch]

    monkeypatch.setattr(model, "_reply", reply)
    one, two, three = model.generate([Prompt(id, ("what?",)) for id in "abc"])
    assert (one, three) == ("a", "c")
    assert isinstance(two, Failed) and two.reason == "out_of_memory"
