"""BERT's word pieces from a file of them."""

from pathlib import Path

import pytest
from support import toy_detectors

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models import bert_vocabulary

SPEC = EvaluateSpec()


def written(folder: Path, pieces: list[str]) -> str:
    file = folder / "vocab.txt"
    file.write_text("\n".join(pieces) + "\n")
    return str(file)


def test_texts_become_the_numbers_of_their_pieces(tmp_path: Path) -> None:
    pieces = toy_detectors.vocabulary()
    tokenizer = bert_vocabulary.load(SPEC, written(tmp_path, pieces))
    number = {piece: n for n, piece in enumerate(pieces)}
    assert len(tokenizer) == len(pieces)
    asked = ["[CLS]", "a", "blue", "cap", "##s", ".", "horse", ".", "[SEP]"]
    assert tokenizer.encode("A Blue CAPS . hórse.") == [number[piece] for piece in asked]
    bare = tokenizer.encode("horse zebra", add_special_tokens=False)
    assert bare == [number["horse"], number["[UNK]"]]


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    pieces = toy_detectors.vocabulary()
    pieces[1012], pieces[1013] = pieces[1013], pieces[1012]
    with pytest.raises(UserError, match=r"bert-base-uncased.*1012"):
        bert_vocabulary.load(SPEC, written(tmp_path, pieces))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match="codec"):
        bert_vocabulary.load(SPEC, str(tmp_path / "vocab.txt"))
