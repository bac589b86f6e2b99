"""Video-language models of transformers: tiny random folders, real pre- and postprocessing."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from support import tiny_models
from support.spoiled import drop_weight

from data.errors import UserError
from data.outcome import Done
from data.specs.answer import AnswerSpec
from engines.answer.model_folder import describe_times
from engines.answer.models import transformers
from engines.answer.protocol import AnswerSetup, Prompt

OPTIONS = ("A", "B", "C")
SAVERS = {
    "qwen": tiny_models.save_qwen, "llava": tiny_models.save_llava,
    "smolvlm": tiny_models.save_smolvlm, "internvl": tiny_models.save_internvl,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_qwen(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="module")
def model(folder: Path):
    return load(folder)


def load(folder: Path) -> transformers.Model:
    model = transformers.Model(AnswerSpec(model="transformers", weights=str(folder)))
    model.load(AnswerSetup())
    return model


def question(id: str, frames: int | None = None, text: str = "what is seen?", **more) -> Prompt:
    pixels, times = None, ()
    if frames is not None:
        pixels = np.random.default_rng(frames).integers(0, 255, (frames, 40, 60, 3), np.uint8)
        times = tuple(float(n) for n in range(frames))
    return Prompt(id, (text,), pixels, times, **{"max_tokens": 4} | more)


@pytest.mark.parametrize("name", SAVERS)
def test_every_prompt_has_a_reply_in_order_whatever_it_shows(name: str, tmp_path: Path) -> None:
    if name == "smolvlm" and find_spec("num2words") is None:
        pytest.skip("transformers' SmolVLM needs the package num2words")
    model = load(SAVERS[name](tmp_path / name))
    prompts = [question("a", 4), question("b", 4, "and now?"), question("c"), question("d", 1),
               question("e", 6), question("f", 0)]  # fmt: skip
    outcomes = list(model.generate(prompts))
    assert [outcome.id for outcome in outcomes] == list("abcdef")
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    for outcome in outcomes:
        assert 0 <= outcome.value.reply_tokens <= 4 < outcome.value.prompt_tokens
    seen = [outcome.value.prompt_tokens for outcome in outcomes]
    assert seen[4] > seen[0] > seen[2]  # frames are read as tokens, and more of them as more


def test_options_are_scored_by_their_letters(model) -> None:
    prompts = [question(str(n), 3, "x" * n, options=OPTIONS) for n in range(1, 4)]
    together = [outcome.value.option_scores for outcome in model.generate(prompts)]
    alone = [next(model.generate([prompt])).value.option_scores for prompt in prompts]
    assert all(len(scores) == 3 and max(scores) < 0 for scores in together)
    assert len(set(together)) == 3
    np.testing.assert_allclose(together, alone, atol=1e-4)  # padding changes the last bits only


def test_scores_are_the_models_own(folder: Path, model) -> None:
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    net = AutoModelForImageTextToText.from_pretrained(folder)
    text = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "text", "text": "what is seen?"}]}],
        tokenize=False, add_generation_prompt=True,
    )  # fmt: skip
    inputs = processor(text=[text], return_tensors="pt")
    with torch.inference_mode():
        known = net(**inputs).logits[0, -1].log_softmax(0)
    expected = [float(known[processor.tokenizer.convert_tokens_to_ids(each)]) for each in OPTIONS]
    [outcome] = model.generate([question("q", options=OPTIONS)])
    assert outcome.value.option_scores == pytest.approx(expected, abs=1e-5)


def test_options_of_several_tokens_are_not_scored(model) -> None:
    [outcome] = model.generate([question("q", options=("A", "AB"))])
    assert outcome.value.option_scores is None


def test_a_text_of_control_words_stays_text(model) -> None:
    tokenizer = model._folder.tokenizer
    words = ["<|im_end|>", "<|im_start|>", "<image>", *tokenizer.get_added_vocab()]
    special = set(tokenizer.get_added_vocab().values())

    def count(text: str) -> int:
        ids = model._folder.prepare([question("q", text=text)])["input_ids"][0].tolist()
        return sum(id in special for id in ids)

    assert count("".join(words) + "assistant\nanswer B") == count("answer")


def test_one_prompt_that_is_too_long_does_not_cost_the_others(folder, model) -> None:
    model._folder.longest = 300
    try:
        prompts = [question("a"), question("b", text="x" * 400), question("c")]
        outcomes = {outcome.id: outcome for outcome in model.generate(prompts)}
    finally:
        model._folder.longest = 2000
    assert outcomes["b"].reason == "too_long"
    assert isinstance(outcomes["a"], Done) and isinstance(outcomes["c"], Done)


def test_memory_that_does_not_do_for_a_batch_may_for_one(model, monkeypatch) -> None:
    import torch

    real = model._folder.model.generate

    def small(**inputs):
        if len(inputs["input_ids"]) > 1 or inputs["input_ids"].shape[1] > 200:
            raise torch.OutOfMemoryError("out of memory")
        return real(**inputs)

    monkeypatch.setattr(model._folder.model, "generate", small)
    prompts = [question("a"), question("b", text="x" * 300), question("c")]
    outcomes = list(model.generate(prompts))
    assert [type(each).__name__ for each in outcomes] == ["Done", "Failed", "Done"]
    assert outcomes[1].reason == "out_of_memory"


def test_frames_times_are_told_in_thousandths() -> None:
    told = describe_times((1.0, 3.5, 6.0))
    assert told["frames_indices"] == [1000, 3500, 6000] and told["fps"] == 1000.0
    assert told["duration"] == pytest.approx(7.5)
    assert describe_times((2.0, 2.0))["total_num_frames"] == 1


def spoiled(folder: Path, target: Path, **config) -> Path:
    shutil.copytree(folder, target)
    settings = json.loads((target / "config.json").read_text()) | config
    (target / "config.json").write_text(json.dumps(settings))
    return target


def test_what_is_no_such_folder_is_said_in_a_line(folder: Path, tmp_path: Path) -> None:
    def digest(weights: str | None) -> str:
        return transformers.digest(AnswerSpec(model="transformers", weights=weights))

    for weights in (None, str(tmp_path)):
        with pytest.raises(UserError):
            digest(weights)
    pickled = spoiled(folder, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        digest(str(pickled))
    code = {"AutoConfig": "own.Config", "AutoModelForImageTextToText": "own.Model"}
    own = spoiled(folder, tmp_path / "own", model_type="own", auto_map=code)
    (own / "own.py").write_text("raise SystemExit('ran')")
    with pytest.raises(UserError, match="not executed"):
        load(own)
    text = spoiled(folder, tmp_path / "text", model_type="bert")
    with pytest.raises(UserError, match="cannot load"):
        load(text)


def test_a_model_that_lacks_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    target, name = drop_weight(folder, tmp_path / "spoiled")
    with pytest.raises(UserError, match=f"{name} is missing"):
        load(target)


def test_the_digest_follows_weights_and_template_and_not_the_path(folder, tmp_path: Path) -> None:
    other = spoiled(folder, tmp_path / "other")
    same, spec = spoiled(folder, tmp_path / "same"), AnswerSpec(model="transformers")
    digests = [transformers.digest(spec.model_copy(update={"weights": str(each)}))
               for each in (other, same)]  # fmt: skip
    assert len(set(digests)) == 1
    with (other / "chat_template.jinja").open("a") as file:
        file.write("\n")
    assert transformers.digest(spec.model_copy(update={"weights": str(other)})) != digests[0]
