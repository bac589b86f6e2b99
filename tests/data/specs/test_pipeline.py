import pytest
from pydantic import ValidationError

from data.specs.distance import DistanceSpec
from data.specs.evaluate import EvaluateSpec
from data.specs.models import SHAPES
from data.specs.pipeline import EmbedSpec, GenerateSpec, IndexSpec, PoolSpec, fingerprint
from data.specs.train import TrainSpec


def test_fingerprints_are_what_they_were() -> None:
    """Vectors stored under a fingerprint must be found under it by every later version."""
    assert fingerprint(EmbedSpec(model=SHAPES), "1", "digest") == "b754ce636495"
    assert fingerprint(EmbedSpec(engine="fake"), "1", "fake") == "58d160ea8233"
    assert fingerprint(IndexSpec(), "1", "pool") == "00a2e2fab29c"
    assert fingerprint(PoolSpec(), "1") == "dba6f04b10a4"
    assert fingerprint(GenerateSpec(), "1") == "3ae20e763fbd"
    bundled = EmbedSpec(model=SHAPES, precision="fp32")  # as it is named where no metric uses it
    assert fingerprint(EvaluateSpec(clip=bundled), "1") == "e1d362ef2b4e"
    assert fingerprint(DistanceSpec(), "1") == "94b989d98f56"
    assert fingerprint(TrainSpec(), "1") == "86f60e1dce1e"


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "fake"}, {"model": "ViT-B-32"}, {"precision": "fp32"}, {"activation": "gelu"},
        {"every_nth": 24}, {"every_nth": None, "fps": 1.0}, {"max_frames": 9}, {"decoder": "x"},
        {"max_damaged": 0.0},
    ],
)  # fmt: skip
def test_whatever_changes_a_result_changes_the_fingerprint(change: dict) -> None:
    changed = EmbedSpec(**(EmbedSpec().model_dump() | change))
    assert fingerprint(changed, "1", "digest") != fingerprint(EmbedSpec(), "1", "digest")


def test_version_weights_and_earlier_stages_change_the_fingerprint() -> None:
    prints = {fingerprint(EmbedSpec(), *inputs) for inputs in [("1", "a"), ("2", "a"), ("1", "b")]}
    assert len(prints) == 3


def test_the_path_of_the_weights_does_not_change_the_fingerprint() -> None:
    here, there = EmbedSpec(weights="here.pt"), EmbedSpec(weights="there.pt")
    assert fingerprint(here, "1", "digest") == fingerprint(there, "1", "digest")


def test_a_spec_samples_in_exactly_one_way() -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        EmbedSpec(every_nth=25, fps=1.0)
    with pytest.raises(ValidationError, match="exactly one"):
        EmbedSpec(every_nth=None)


def test_a_spec_is_frozen_and_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError):
        EmbedSpec(colour="red")
    with pytest.raises(ValidationError):
        EmbedSpec().model = "other"
