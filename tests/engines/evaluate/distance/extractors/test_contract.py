"""What every extractor keeps to, on random weights where it needs some."""

import pkgutil

import numpy as np
import pytest
import torch
from support.inception import published_weights

from data.errors import UserError
from data.specs.distance import ClipSpec
from engines.base import load_plugin
from engines.evaluate.distance import extractors
from engines.evaluate.distance.extractor import build_extractor, pin_weights
from engines.nets.i3d import I3D
from engines.nets.video_transformer import VideoTransformer

NAMES = sorted(module.name for module in pkgutil.iter_modules(extractors.__path__))


def _i3d() -> dict:
    state = I3D().state_dict()
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def _videomae() -> dict:
    return {"module": VideoTransformer(176, 1, 2, 64, 14, 2, 5).state_dict()}


def _r3d() -> dict:
    from torchvision.models.video import r3d_18

    return r3d_18(weights=None).state_dict()


WEIGHTS = {"i3d_k400": _i3d, "videomae_v2_ssv2": _videomae, "r3d_18": _r3d,
           "inception_v3": published_weights}  # fmt: skip


@pytest.fixture(scope="module", params=NAMES)
def model(request, tmp_path_factory):
    """Each extractor, loaded."""
    file = None
    if load_plugin("evaluate.distance.extractors", request.param).FILE is not None:
        torch.manual_seed(0)
        file = str(tmp_path_factory.mktemp("weights") / "weights.pt")
        torch.save(WEIGHTS[request.param](), file)
    frames = {"videomae_v2_ssv2": 16, "inception_v3": 2}.get(request.param, 9)
    asked = pin_weights(ClipSpec(extractor=request.param, weights=file, frames=frames))
    found = build_extractor(asked)
    found.load()
    return found, asked


@pytest.mark.slow
def test_what_is_beside_a_clip_changes_no_bit_of_its_feature(model) -> None:
    model, asked = model
    shape = (2, asked.frames, 20, 30, 3)
    clips = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = clips.copy()
    together = model(clips)
    rows = (asked.frames,) if asked.extractor == "inception_v3" else ()
    assert together.shape == (2, *rows, model.dim) and together.dtype == np.float32
    assert (together[1] == model(clips[1:])[0]).all() and (clips == before).all()
    assert (together[0] != together[1]).any() and np.isfinite(together).all()


@pytest.mark.parametrize("name", NAMES)
def test_only_i3d_is_called_fvd_and_inception_fid(name: str) -> None:
    module = load_plugin("evaluate.distance.extractors", name)
    assert (module.LABEL == "FVD") == (module.KERNEL == "KVD") == (name == "i3d_k400")
    assert (module.LABEL == "FID") == (module.KERNEL == "KID") == (name == "inception_v3")
    assert name in ("i3d_k400", "inception_v3") or module.LABEL.startswith("fd_")
    assert module.VERSION and (module.FILE is None or module.FETCH)


@pytest.mark.parametrize("name", WEIGHTS)
def test_other_weights_are_refused_with_what_differs(name: str, tmp_path) -> None:
    file = str(tmp_path / "other.pt")
    torch.save({"state_dict": {"some.weight": torch.zeros(3)}}, file)
    model = build_extractor(ClipSpec(extractor=name, weights=file))
    with pytest.raises(UserError, match="weights of"):
        model.load()
