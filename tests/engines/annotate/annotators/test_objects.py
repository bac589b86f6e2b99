"""Objects by a tiny random OWLv2: a real folder, real pre- and postprocessing."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.detectors import save_grounding_dino, save_owl
from support.spoiled import drop_weight
from support.talking import annotated, film, loaded

from data.errors import UserError
from data.specs.annotate import ObjectsSpec
from engines.annotate.annotators import objects
from engines.worker import ModelSetup

LABELS = ("cat", "red car")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_owl(tmp_path_factory.mktemp("owl"))


@pytest.fixture(scope="module")
def grounding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_grounding_dino(tmp_path_factory.mktemp("dino"))


def test_grounding_dino_finds_what_it_was_asked_for_and_nothing_else(grounding: Path) -> None:
    spec = ObjectsSpec(weights=str(grounding), labels=LABELS, threshold=0.0, overlap=1.0)
    assert len(objects.digest(spec)) == 64
    annotator = objects.Annotator(spec)
    annotator.load(ModelSetup())
    found = annotator.detect(np.random.default_rng(0).integers(0, 255, (3, 48, 64), np.uint8))
    assert found and {each.label for each in found} <= set(LABELS)
    assert all(0 <= side <= 1000 for each in found for side in each.box)


def test_a_detector_that_lacks_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    spoiled, name = drop_weight(folder, tmp_path / "spoiled")
    annotator = objects.Annotator(ObjectsSpec(weights=str(spoiled), labels=LABELS))
    with pytest.raises(UserError, match=f"{name} is missing"):
        annotator.load(ModelSetup())


@pytest.mark.parametrize(
    ("name", "label"),
    [("red", "red car"), ("cat", "cat"), ("cat. red car. [SEP]", "red car"), ("red car", "red car"),
     ("[SEP]", None), ("", None)],
)  # fmt: skip
def test_a_part_of_a_name_stands_for_the_label_that_it_is_of(name: str, label) -> None:
    assert objects.match_label(name, LABELS) == label


def test_a_detector_needs_a_folder_and_something_to_find(folder: Path, tmp_path: Path) -> None:
    for spec in (ObjectsSpec(labels=LABELS), ObjectsSpec(weights=str(folder)),
                 ObjectsSpec(weights=str(tmp_path), labels=LABELS)):  # fmt: skip
        with pytest.raises(UserError):
            objects.digest(spec)
    assert len(objects.digest(ObjectsSpec(weights=str(folder), labels=LABELS))) == 64


def test_scenes_are_sentences_with_boxes_behind_them(folder: Path, tmp_path: Path) -> None:
    spec = ObjectsSpec(weights=str(folder), labels=LABELS, threshold=0.0, per_label=2)
    engine = loaded(spec)
    shown = film(tmp_path / "a.mp4", 8, None, ["", "HARBOUR"])
    none = film(tmp_path / "b.mp4", 2, None)
    outcome = annotated(engine, shown)["a"]
    engine.annotator.spec = spec.model_copy(update={"threshold": 1.0})
    empty = annotated(engine, none)["b"]
    engine.close()
    texts = outcome.value.texts
    assert [(text.start, text.end) for text in texts] == [(0, 4), (4, 6)]
    found = json.loads(texts[0].record)["objects"]
    assert 1 <= len(found) <= 4 and {each["label"] for each in found} <= set(LABELS)
    assert all(0 <= side <= 1000 for each in found for side in each["box"])
    assert f"Object 0 ({found[0]['label']}) is at" in texts[0].text
    assert (empty.value.texts, empty.value.result) == ((), objects.NO_OBJECTS)
