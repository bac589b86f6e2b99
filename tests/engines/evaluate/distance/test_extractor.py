from hashlib import sha256

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data.errors import UserError
from data.specs.distance import ClipSpec
from engines.evaluate.distance.extractor import build_extractor, pin_weights


class Scripted(nn.Module):
    """What the ports' scripts take, and logits that say what they were given."""

    def forward(self, x: Tensor, rescale: bool, resize: bool, return_features: bool) -> Tensor:
        assert return_features and not rescale and not resize
        return x.mean(dim=[1, 2, 3, 4])[:, None].repeat(1, 400)


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("weights") / "i3d_torchscript.pt"
    torch.jit.script(Scripted()).save(str(file))
    return str(file)


def digest(file: str) -> str:
    with open(file, "rb") as opened:
        return sha256(opened.read()).hexdigest()


def test_weights_are_not_guessed() -> None:
    with pytest.raises(UserError, match=r"--weights.*--extractor pixel_stats"):
        pin_weights(ClipSpec())
    with pytest.raises(UserError, match=r"nowhere\.pt"):
        pin_weights(ClipSpec(weights="nowhere.pt"))


def test_an_extractor_without_weights_forgets_those_given() -> None:
    asked = ClipSpec(extractor="pixel_stats", weights="x.pt", sha256="ab")
    assert pin_weights(asked) == ClipSpec(extractor="pixel_stats")


def test_weights_are_pinned_by_their_digest(tmp_path) -> None:
    file = tmp_path / "r3d.safetensors"
    file.write_bytes(b"some bytes")
    asked = ClipSpec(extractor="r3d_18", weights=str(file))
    assert pin_weights(asked).sha256 == digest(str(file))
    with pytest.raises(UserError, match="SHA-256"):
        pin_weights(asked.model_copy(update={"sha256": "0" * 64}))


def test_a_script_is_not_run_unless_its_digest_was_given(script: str) -> None:
    with pytest.raises(UserError, match="--sha256"):
        pin_weights(ClipSpec(weights=script))
    with pytest.raises(UserError, match="SHA-256"):
        pin_weights(ClipSpec(weights=script, sha256="0" * 64))
    assert pin_weights(ClipSpec(weights=script, sha256=digest(script))).weights == script


def test_a_script_is_given_pictures_that_are_resized_and_rescaled(script: str) -> None:
    model = build_extractor(ClipSpec(weights=script, sha256=digest(script)))
    model.load()
    for value, seen in ((0, -1.0), (255, 1.0)):
        clip = np.full((1, 16, 30, 40, 3), value, np.uint8)
        assert model(clip).shape == (1, 400)
        assert model(clip)[0, 0] == pytest.approx(seen, abs=1e-5)


def test_a_script_that_gives_no_400_logits_is_refused(tmp_path) -> None:
    class Pooled(nn.Module):
        def forward(self, x: Tensor, rescale: bool, resize: bool, return_features: bool) -> Tensor:
            return x.mean(dim=[1, 2, 3, 4])[:, None].repeat(1, 1024)

    file = str(tmp_path / "pooled.pt")
    torch.jit.script(Pooled()).save(file)
    model = build_extractor(ClipSpec(weights=file, sha256=digest(file)))
    model.load()
    with pytest.raises(UserError, match=r"\(1, 1024\), not \(1, 400\)"):
        model(np.zeros((1, 16, 32, 32, 3), np.uint8))


@pytest.mark.parametrize(
    ("name", "frames", "said"),
    [
        ("i3d_k400", 8, "9.*8"),
        ("videomae_v2_ssv2", 32, "16.*32"),
        ("pixel_stats", 1, "2 or more"),
    ],
)
def test_clips_of_a_length_that_it_cannot_take_are_refused(name, frames, said) -> None:
    with pytest.raises(UserError, match=said):
        build_extractor(ClipSpec(extractor=name, frames=frames))


def test_an_unknown_extractor_is_named() -> None:
    with pytest.raises(UserError, match="'nothing'"):
        build_extractor(ClipSpec(extractor="nothing"))
