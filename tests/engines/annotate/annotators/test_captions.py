"""Captions by the fake model, by a tiny random Qwen2-VL, and by a server that fails."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.chat_server import completion, refusal, serve
from support.talking import annotated, film
from support.tiny_models import save_qwen

from data.errors import UserError
from data.outcome import Done, Failed
from data.specs.annotate import CaptionsSpec
from engines.annotate.annotators import captions
from engines.annotate.engine import AnnotateSetup, VideoAnnotator
from engines.video.frames import Frames
from engines.video_model import Reply

FAKE = CaptionsSpec(model="fake", every_s=2, frames=4)


def run(spec: CaptionsSpec, *files: Path, **setup):
    engine = VideoAnnotator(spec, AnnotateSetup(**setup))
    engine.load()
    try:
        return annotated(engine, *files)
    finally:
        engine.close()


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = ["", "HARBOUR", "HARBOUR", "NORTH"]
    return film(tmp_path_factory.mktemp("films") / "a.mp4", 8, None, words)


def test_each_stretch_that_differs_is_described_once_with_its_motion(changing: Path) -> None:
    texts = run(FAKE, changing)["a"].value.texts
    spans = [(text.start, text.end) for text in texts]
    assert spans == [(0, 2), (0, 2), (2, 6), (2, 6), (6, 7.5), (6, 7.5)]
    records = [json.loads(text.record) for text in texts]
    assert [each["about"] for each in records] == ["scene", "motion"] * 3
    assert all(each["frames"] == 4 for each in records)
    assert len(run(FAKE.model_copy(update={"motion": False}), changing)["a"].value.texts) == 3


def test_a_real_model_describes(changing: Path, tmp_path: Path) -> None:
    spec = CaptionsSpec(weights=str(save_qwen(tmp_path)), every_s=4, frames=2, most_tokens=5)
    assert len(captions.digest(spec)) == 64
    outcome = run(spec, changing)["a"]
    assert isinstance(outcome, Done) and outcome.value.seconds["model"] > 0
    texts = outcome.value.texts or [captions.NO_CAPTION]
    assert len(texts) <= 4  # what a random model writes may be nothing


def test_frames_go_to_a_server_and_a_video_that_it_rejects_fails_alone(
    changing: Path, tmp_path: Path
) -> None:
    other = film(tmp_path / "b.mp4", 2, None, ["OTHER"])
    spec = CaptionsSpec(model="openai", weights="tiny", every_s=2, frames=4, side=64)

    def reply(body, number):
        pictures = [p for p in body["messages"][0]["content"] if p["type"] == "image_url"]
        return completion(f"{len(pictures)} pictures") if number < 6 else refusal(400, "no")

    with serve(reply) as server:
        outcomes = run(spec, changing, other, server=server.address)
    assert {text.text for text in outcomes["a"].value.texts} == {"4 pictures"}
    assert isinstance(outcomes["b"], Failed) and outcomes["b"].reason == "rejected"


def test_a_stretch_that_a_server_refuses_costs_no_other_stretch(changing: Path) -> None:
    """One picture that a content filter minds took the captions of the whole film."""
    spec = CaptionsSpec(model="openai", weights="tiny", every_s=2, frames=4, side=64, motion=False)

    def reply(body, number):
        return refusal(400, "content filter") if number == 1 else completion("a card")

    with serve(reply) as server:
        outcome = run(spec, changing, server=server.address)["a"]
    assert [text.text for text in outcome.value.texts] == ["a card"] * 2
    assert outcome.value.result == "1 prompts refused: 400: content filter"


def test_a_long_video_keeps_few_frames_in_memory() -> None:
    random, held = np.random.default_rng(0), []

    class Model:
        def generate(self, prompts):
            held.append(sum(prompt.frames.nbytes for prompt in prompts))
            return [Done(p.id, Reply("x")) for p in prompts]

    reader = captions._Reader(FAKE, Model())
    for n in range(400):
        pixels = random.integers(0, 255, (1, 3, 18, 32), np.uint8)
        reader.add(Frames(np.array([n]), np.array([n / 2]), pixels))
    assert len(reader.finish().texts) == 200
    assert len(held) == 13 and max(held) == captions.AT_ONCE * 2 * 4 * 3 * 18 * 32


def test_a_model_is_named_and_knows_its_flags() -> None:
    for spec in (CaptionsSpec(), CaptionsSpec(model="openai")):
        with pytest.raises(UserError, match="captioner-weights"):
            captions.digest(spec)
