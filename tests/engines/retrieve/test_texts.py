"""Retrieval of texts: the published rule and ours, words, fusion, keyframes, encoders."""

import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from support.spoiled import drop_weight

from data.errors import UserError
from data.specs.encode import EncodeSpec
from engines.retrieve import keyframes, text_rules
from engines.retrieve.encoders import transformers as encoder
from engines.retrieve.fusion import fuse_ranks, rank_items
from engines.retrieve.words import WordIndex, split_words


def test_the_published_rule_is_strict_ordered_and_without_a_cap() -> None:
    scores = np.array([0.31, 0.3, 0.9, 0.29, 0.5])
    assert text_rules.select_published(scores, 0.3).tolist() == [0, 2, 4]
    assert text_rules.select_published(np.array([]), 0.3).tolist() == []


def test_queries_are_averaged_before_they_are_normalised() -> None:
    texts = np.eye(3)
    queries = np.array([[3.0, 0, 0], [0, 1.0, 0]])
    assert text_rules.score_texts(queries, texts) == pytest.approx([0.9487, 0.3162, 0], abs=1e-4)
    assert text_rules.score_texts(np.zeros((0, 3)), texts).tolist() == [0, 0, 0]
    assert text_rules.score_texts(queries, np.zeros((0, 3))).tolist() == []


def test_a_budget_drops_the_lowest_and_keeps_the_order() -> None:
    scores, tokens = np.array([0.2, 0.9, 0.5, 0.8]), [10, 10, 10, 10]
    assert text_rules.select_texts(scores, tokens, 0.3, 9, 1000).tolist() == [1, 2, 3]
    assert text_rules.select_texts(scores, tokens, 0.3, 2, 1000).tolist() == [1, 3]
    assert text_rules.select_texts(scores, tokens, 0.0, 9, 25).tolist() == [1, 3]
    assert text_rules.select_texts(scores, tokens, 0.0, 9, 5).tolist() == [1]  # better than none
    assert text_rules.select_texts(scores, tokens, 0.95, 9, 5).tolist() == []


def test_a_threshold_is_calibrated_on_texts_of_other_videos() -> None:
    random = np.random.default_rng(1)
    base = text_rules.normalise(random.normal(size=(200, 64)))
    shifted = text_rules.normalise(base + 0.3)  # an encoder whose cosines are all high
    owners = [str(n // 4) for n in range(200)]
    low, high = (text_rules.calibrate_threshold(v, owners) for v in (base, shifted))
    assert 0.1 < low < 0.35 < 0.7 < high
    assert text_rules.calibrate_threshold(base, ["a"] * 200) == 0.0


@pytest.mark.parametrize(("beta", "selected"), [(3.0, [5]), (4.0, [2, 5])])
def test_the_published_keyframes_need_so_much_more_than_the_mean(beta, selected) -> None:
    ones = np.ones(40)
    assert keyframes.select_published(ones, beta).tolist() == []
    ones[2], ones[5] = 1.3, 1.8
    ones *= 40 / ones.sum()  # a mean of 1
    assert keyframes.select_published(ones, beta).tolist() == selected
    assert keyframes.select_published(ones * 0.07, beta).tolist() == selected
    assert keyframes.select_published(np.tile(ones, 3), beta).tolist() == [
        frame + 40 * n for n in range(3) for frame in selected
    ]


def test_keyframes_of_no_positive_sum_are_none() -> None:
    assert keyframes.select_published(np.array([-0.2, -0.1, -0.3])).tolist() == []
    assert keyframes.select_published(np.array([])).tolist() == []


def test_the_best_keyframes_keep_a_gap_and_the_order_of_time() -> None:
    similarity, seconds = np.array([0.9, 0.8, 0.1, 0.7]), np.array([10.0, 11.0, 20.0, 0.0])
    assert keyframes.select_best(similarity, seconds, 2, 2.0).tolist() == [0, 3]


def test_words_are_found_in_any_script() -> None:
    assert split_words("The RED Círcle, 42") == ["the", "red", "círcle", "42"]
    assert split_words("東京 tower") == ["東", "京", "tower"]
    index = WordIndex(["the red circle", "a blue star", "東京タワー"])
    assert rank_items(index.score("blue circle, star!"), 5, 0.0).tolist() == [1, 0]
    assert rank_items(index.score("東"), 5, 0.0).tolist() == [2]
    assert index.score("nothing known").tolist() == [0, 0, 0]
    assert WordIndex(["", "?!"]).score("a").tolist() == [0, 0]


def test_fusion_prefers_what_both_rankings_have() -> None:
    fused = fuse_ranks([np.array([0, 1, 2]), np.array([2, 3])], 4)
    assert rank_items(fused, 4).tolist() == [2, 0, 1, 3]
    assert fused[2] == pytest.approx(1 / 63 + 1 / 61)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT with a vocabulary of letters."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    signs = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
    (folder / "vocab.txt").write_text("\n".join([*signs, *(f"##{s}" for s in "abcdefghij")]))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(vocab_size=25, hidden_size=16, num_hidden_layers=1,
                        num_attention_heads=2, intermediate_size=16)  # fmt: skip
    BertModel(config).eval().save_pretrained(folder)
    return folder


def test_contriever_is_the_mean_of_its_tokens_whatever_the_padding(folder: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = ["abc", "a bc dd efg hij", "j"]
    model = encoder.Encoder(EncodeSpec(encoder="transformers", weights=str(folder)))
    model.load()
    vectors = model.encode(texts)
    tokenizer, net = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        alone = [net(**tokenizer(t, return_tensors="pt")).last_hidden_state[0].mean(0)
                 for t in texts]  # fmt: skip
    assert vectors == pytest.approx(torch.stack(alone).numpy(), abs=1e-5)


def test_an_encoder_that_lacks_weights_is_refused_and_one_without_a_pooler_is_not(
    folder: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModel

    spoiled, name = drop_weight(folder, tmp_path / "spoiled")
    with pytest.raises(UserError, match=f"{name} is missing"):
        encoder.Encoder(EncodeSpec(encoder="transformers", weights=str(spoiled))).load()
    plain = copytree(folder, tmp_path / "plain")
    (plain / "model.safetensors").unlink()
    weights = AutoModel.from_pretrained(folder, add_pooling_layer=False).state_dict()
    torch.save(weights, plain / "pytorch_model.bin")  # as Contriever's are published
    vectors = []
    for each in (folder, plain):
        model = encoder.Encoder(EncodeSpec(encoder="transformers", weights=str(each)))
        model.load()
        vectors.append(model.encode(["abc"]))
    assert np.array_equal(*vectors)


def test_a_folder_names_its_pooling_and_is_known_by_its_files(folder: Path, tmp_path) -> None:
    pooling = tmp_path / "1_Pooling" / "config.json"
    pooling.parent.mkdir()
    assert encoder.read_pooling(folder) == "mean"
    pooling.write_text(json.dumps({"pooling_mode_cls_token": True}))
    assert encoder.read_pooling(tmp_path) == "cls"
    pooling.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(UserError, match="max_tokens"):
        encoder.read_pooling(tmp_path)
    assert len(encoder.digest(EncodeSpec(encoder="transformers", weights=str(folder)))) == 64
    for weights in (None, str(tmp_path)):
        with pytest.raises(UserError):
            encoder.digest(EncodeSpec(encoder="transformers", weights=weights))
