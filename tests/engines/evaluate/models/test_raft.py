"""RAFT from its authors' file is torchvision's, bit for bit."""

import numpy as np
import pytest
import torch
from support.toy_models import draw_state, raft_state

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.evaluate.models import raft

PARAMETERS, TENSORS, OURS = 5_257_536, 179, 169


def pairs(count: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (count + 1, height, width, 3), dtype=np.uint8)
    return frames[:-1], frames[1:]


def authors(held: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """torchvision's weights by the names of RAFT's authors, one after the other."""
    found = {}
    for ours, value in held.items():
        name = ours.replace("feature_encoder", "fnet").replace("context_encoder", "cnet")
        if name.split(".")[1] == "convnormrelu":
            name = name.replace("convnormrelu.0", "conv1").replace("convnormrelu.1", "norm1")
        elif name.split(".")[1] == "conv" and name[1:4] == "net":
            name = name.replace("net.conv", "net.conv2")
        for n in "12":
            name = name.replace(f"convnormrelu{n}.0", f"conv{n}")
            name = name.replace(f"convnormrelu{n}.1", f"norm{n}")
        for old, new in (("corr", "c"), ("flow", "f")):
            for n in "12":
                name = name.replace(f"motion_encoder.conv{old}{n}.0", f"encoder.conv{new}{n}")
        name = name.replace("motion_encoder.conv.0", "encoder.conv")
        for gate in "zrq":
            for n in "12":
                name = name.replace(f"recurrent_block.convgru{n}.conv{gate}", f"gru.conv{gate}{n}")
        name = name.replace("mask_predictor.convrelu.0", "update_block.mask.0")
        name = name.replace("mask_predictor.conv", "update_block.mask.2")
        found[f"module.{name}"] = value
        if name.startswith("cnet") and "downsample.1" in name:
            found[f"module.{name.replace('downsample.1', 'norm3')}"] = value
    return found


@pytest.mark.slow
def test_flow_from_the_authors_file_is_torchvisions(tmp_path) -> None:
    from torchvision.models.optical_flow import raft_large

    torch.manual_seed(0)
    theirs = raft_large(weights=None).eval()
    held = theirs.state_dict()
    held |= {n: v for n, v in draw_state(theirs.context_encoder, 0).items() if n in held}
    theirs.load_state_dict(held)
    published = authors(held)
    assert len(published) == TENSORS and len(held) == OURS
    torch.save(published, tmp_path / "a.pth")
    torch.save(held, tmp_path / "b.pth")
    earlier, later = pairs(1, 128, 136)
    shown = (
        2 * (torch.from_numpy(f).permute(0, 3, 1, 2).float() / 255) - 1 for f in (earlier, later)
    )
    with torch.inference_mode():
        wanted = theirs(*shown, num_flow_updates=20)[-1].permute(0, 2, 3, 1).numpy()
    for file in ("a.pth", "b.pth"):
        found = raft.load(EvaluateSpec(), str(tmp_path / file)).compute_flow(earlier, later)
        assert np.array_equal(found, wanted)


def test_the_published_size_is_torchvisions_by_name_and_shape() -> None:
    from torchvision.models.optical_flow import raft_large

    with torch.device("meta"):
        theirs = raft_large(weights=None)
        renamed = raft.to_torchvision_keys(
            {n.removeprefix("module."): v for n, v in authors(theirs.state_dict()).items()}
        )
        ours = raft.build_network(checkpoint.WeightShapes(renamed, "RAFT"))
    shapes = {name: value.shape for name, value in theirs.state_dict().items()}
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes
    assert {name: value.shape for name, value in renamed.items()} == shapes
    assert sum(each.numel() for each in ours.parameters()) == PARAMETERS


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    file = tmp_path_factory.mktemp("raft") / raft.FILE
    torch.save(raft_state(), file)
    return raft.load(EvaluateSpec(), str(file))


def test_pairs_run_by_themselves_or_together_as_their_sides_say(small, monkeypatch) -> None:
    earlier, later = pairs(2, 128, 128)
    whole = small.compute_flow(earlier, later)
    assert whole.shape == (2, 128, 128, 2) and np.isfinite(whole).all()
    monkeypatch.setattr(raft, "CORRELATIONS", 1)
    alone = small.compute_flow(earlier, later)
    assert np.allclose(whole, alone, atol=1e-2 * np.abs(whole).max())
    assert np.array_equal(alone[1:2], small.compute_flow(earlier[1:2], later[1:2]))
    assert small.compute_flow(earlier[:0], later[:0]).shape == (0, 128, 128, 2)


def test_other_weights_are_refused(tmp_path) -> None:
    held = raft_state()
    held["fnet.layer1.0.conv1.weight"] = torch.zeros(8, 8, 5, 5)
    torch.save(held, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"layer1\.0\.convnormrelu1\.0\.weight is \(8, 8, 5, 5\)"):
        raft.load(EvaluateSpec(), str(tmp_path / "a.pth"))
