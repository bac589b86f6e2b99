"""ArcFace's vectors of face crops, of any size and aspect."""

import cv2
import numpy as np
import pytest
import torch
from support.toy_models import arcface_state

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models import arcface
from engines.nets.iresnet import IResNet, read_sizes


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    file = tmp_path_factory.mktemp("arcface") / arcface.FILE
    torch.save({f"module.{name}": value for name, value in arcface_state().items()}, file)
    return arcface.load(EvaluateSpec(), str(file))


def test_crops_are_squeezed_bilinearly_and_scaled_to_one_around_zero(loaded) -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (200, 150, 3), dtype=np.uint8)
    crops = [frame[10:90, 20:60], frame[:, 3:100], frame]
    held = arcface_state()
    net = IResNet(read_sizes({n: tuple(v.shape) for n, v in held.items()})).eval().double()
    net.load_state_dict(held)
    squeezed = [cv2.resize(c.copy(), (112, 112), interpolation=cv2.INTER_LINEAR) for c in crops]
    shown = torch.from_numpy((np.stack(squeezed) / 255.0 - 0.5) / 0.5).permute(0, 3, 1, 2)
    with torch.inference_mode():
        theirs = net(shown).numpy()
    found = loaded.embed(crops)
    assert found.shape == (3, 32) and found.dtype == np.float32
    assert np.abs(found - theirs).max() < 1e-4


def test_other_weights_are_refused(tmp_path) -> None:
    held = arcface_state()
    del held["layer2.1.bn2.weight"]
    torch.save(held, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"ArcFace.*a\.pth\): layer2\.1\.bn2\.weight"):
        arcface.load(EvaluateSpec(), str(tmp_path / "a.pth"))
