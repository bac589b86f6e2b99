"""DINO is timm's, from files of any size; what a picture goes through is written out here."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.evaluate.models import dino


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """timm's own small model, and a file of its weights."""
    torch.manual_seed(0)
    model = timm.create_model(
        "vit_base_patch16_224.dino", num_classes=0, embed_dim=128, depth=2, num_heads=2
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    file = tmp_path_factory.mktemp("dino") / dino.FILE
    torch.save(model.state_dict(), file)
    return model.eval(), str(file)


def transcribed(model, seen: np.ndarray) -> np.ndarray:
    """White square, Pillow's bicubic, ImageNet's norm, the class token; in float64."""
    height, width = seen.shape[:2]
    side = max(height, width)
    white = Image.new("RGB", (side, side), (255, 255, 255))
    white.paste(Image.fromarray(seen), ((side - width) // 2, (side - height) // 2))
    scaled = np.asarray(white.resize((224, 224), Image.BICUBIC)).astype(np.float64) / 255
    normal = (scaled - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    batch = torch.from_numpy(normal.transpose(2, 0, 1))[None]
    with torch.inference_mode():
        return model.double().forward_features(batch)[0, 0].numpy()


def test_vectors_are_timms_of_pictures_on_white(small) -> None:
    model, file = small
    rng = np.random.default_rng(0)
    seen = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((40, 61, 3), (90, 33, 3))]
    found = dino.load(EvaluateSpec(), file).embed(seen)
    assert found.dtype == np.float32
    assert np.abs(found - [transcribed(model, each) for each in seen]).max() < 1e-4


def test_the_same_pictures_give_the_same_vectors(small) -> None:
    loaded = dino.load(EvaluateSpec(), small[1])
    seen = list(np.random.default_rng(0).integers(0, 256, (18, 32, 32, 3), dtype=np.uint8))
    whole = loaded.embed(seen)
    assert np.array_equal(whole, loaded.embed(seen))
    assert np.array_equal(whole[:16], loaded.embed(seen[:16]))
    assert loaded.embed([]).shape == (0, 128)


def test_the_published_size_is_timms_by_name_and_shape() -> None:
    with torch.device("meta"):
        theirs = timm.create_model("vit_base_patch16_224.dino", num_classes=0).state_dict()
        ours = dino.build_network(checkpoint.WeightShapes(theirs, "DINO"))
    assert ours.blocks[0].attn.num_heads == 12 and ours.norm.eps == 1e-6
    assert {n: v.shape for n, v in ours.state_dict().items()} == {
        n: v.shape for n, v in theirs.items()
    }


def test_other_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="DINO"):
        dino.load(EvaluateSpec(), str(tmp_path / "other.pth"))
