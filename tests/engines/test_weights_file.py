"""Every broken file, in every place that loads weights, is one error with the file's name."""

import hashlib
import json
import pickle
import pkgutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from data.errors import UserError
from data.specs.distance import ClipSpec
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import EmbedSpec
from engines.base import load_plugin
from engines.embed.models import open_clip
from engines.evaluate import models
from engines.evaluate.distance import extractors
from engines.evaluate.distance.engine import FeatureExtractor
from engines.evaluate.distance.extractor import pin_weights
from engines.evaluate.vision.convert import extract_weights
from engines.evaluate.vision.registry import ModelRegistry
from engines.generate.ragme import checkpoint
from engines.pretrained import load_pretrained
from engines.train.loop import Schedule, train_model
from engines.worker import WorkerSetup


def write_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("archive/data.pkl", "w") as member:
            for _ in range(70):
                member.write(bytes(1 << 20))


def write_truncated(path: Path) -> None:
    whole = path.with_name("whole")
    weights = {"a.weight": torch.zeros(100, 100)}
    (save_file if path.suffix == ".safetensors" else lambda w, p: torch.save(w, p))(weights, whole)
    path.write_bytes(whole.read_bytes()[:-5000])


def write_forged_header(path: Path) -> None:
    header = json.dumps(
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}}
    ).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


def write_others(path: Path) -> None:
    weights = {"unknown.weight": torch.zeros(2, 2), "visual.proj": torch.zeros(3)}
    (save_file if path.suffix == ".safetensors" else lambda w, p: torch.save(w, p))(weights, path)


BREAK: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: path.mkdir(),
    "empty": lambda path: path.touch(),
    "page": lambda path: path.write_text("<!DOCTYPE html><html>no such file</html>"),
    "pointer": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
    "noise": lambda path: path.write_bytes(b"\x93\x07" * 5000),
    "few": lambda path: path.write_bytes(b"\x80"),
    "json": lambda path: path.write_bytes(struct.pack("<Q", 40) + b"{" * 40),
    "stop": lambda path: path.write_bytes(pickle.dumps([])),
    "none": lambda path: torch.save({}, path),
    "zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "bomb": write_bomb,
    "truncated": write_truncated,
    "forged": write_forged_header,
    "others": write_others,
}


def list_plugins(folder: str, package) -> list[str]:
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return [n for n in names if getattr(load_plugin(folder, n), "FILE", None)]


@pytest.fixture(params=BREAK)
def spoil(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    def write(name: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        BREAK[request.param](path)
        return str(path)

    return write


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_of_an_embedding_model(spoil: Callable[[str], str], suffix: str) -> None:
    file = spoil(f"w{suffix}")
    with pytest.raises(UserError, match=f"w{suffix}"):
        open_clip.Embedder(EmbedSpec(model="RN50", weights=file)).load()


def test_weights_of_every_metrics_model(spoil: Callable[[str], str]) -> None:
    files = {}
    for name in list_plugins("evaluate.models", models):
        files[name] = spoil(f"{name}/{load_plugin('evaluate.models', name).FILE}")
        if Path(files[name]).is_file():  # trusted by the user, who may still have a broken one
            digest = hashlib.sha256(Path(files[name]).read_bytes()).hexdigest()
            Path(f"{files[name]}.sha256").write_text(digest)
    for name in files:
        with pytest.raises(UserError) as error:
            ModelRegistry(EvaluateSpec(weights=files)).get(name)
        # Of models that are folders, the folder may be named.
        named = [Path(f).parent if hasattr(load_plugin("evaluate.models", n), "FOLDER") else f
                 for n, f in files.items()]  # fmt: skip
        assert any(str(each) in str(error.value) for each in named)


def test_weights_of_every_feature_extractor(spoil: Callable[[str], str]) -> None:
    for name in list_plugins("evaluate.distance.extractors", extractors):
        module = load_plugin("evaluate.distance.extractors", name)
        file = spoil(f"{name}/{module.FILE}")
        with pytest.raises(UserError) as error:
            spec = ClipSpec(extractor=name, weights=file, frames=16)
            extractor = FeatureExtractor(pin_weights(spec), WorkerSetup())
            extractor.load()
        assert module.FILE in str(error.value)


def test_a_checkpoint_to_convert(
    spoil: Callable[[str], str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Weights of any names are converted: whose they are is seen when a model loads them."""
    file, out = spoil("c.pt"), str(tmp_path / "out.safetensors")
    if request.node.callspec.params["spoil"] == "others":
        assert extract_weights(file, out) > 0
        return
    with pytest.raises(UserError, match=r"c\.pt"):
        extract_weights(file, out)


def test_weights_of_a_controller(spoil: Callable[[str], str], tmp_path: Path) -> None:
    file = spoil("k/checkpoints/9/controller.safetensors")
    with pytest.raises(UserError, match="controller"):
        checkpoint.load_controller(Path(file).parents[2], [])


def test_weights_of_a_base_model(spoil: Callable[[str], str]) -> None:
    from transformers import CLIPTextModel

    file = Path(spoil("text_encoder/model.safetensors"))
    (file.parent / "config.json").write_text('{"hidden_size": 8, "num_attention_heads": 1}')
    with pytest.raises(UserError, match="text_encoder"):
        load_pretrained(CLIPTextModel, file.parent)


def test_a_checkpoint_to_resume_from(spoil: Callable[[str], str]) -> None:
    file = spoil("resume.pt")
    with pytest.raises(UserError, match=r"resume\.pt"):
        net = torch.nn.Linear(2, 2)
        train_model(net, lambda rng: net.weight.sum(), Schedule(1, 0.1), Path(file))
