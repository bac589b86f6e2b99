"""The vocabulary of bert-base-uncased, Grounding DINO's tokenizer."""

from typing import TYPE_CHECKING

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec

if TYPE_CHECKING:
    from transformers import BertTokenizer

FILE = "vocab.txt"
FETCH = f"curl -LO https://huggingface.co/google-bert/bert-base-uncased/resolve/main/{FILE}"
# The marks that separate phrases: transformers knows them by number, whatever the vocabulary.
PHRASE_MARKS = {"[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}


def load(spec: EvaluateSpec, file: str) -> "BertTokenizer":
    """The lower-casing tokenizer of a file with one word piece per line.

    Raises UserError if it is not BERT's vocabulary.
    """
    from transformers import BertTokenizer

    try:
        with open(file, encoding="utf-8") as lines:
            pieces = {line.rstrip("\n"): number for number, line in enumerate(lines)}
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not a text file of words ({error}): {FETCH}") from error
    if wrong := [piece for piece, number in PHRASE_MARKS.items() if pieces.get(piece) != number]:
        raise UserError(
            f"{file} is not the vocabulary of bert-base-uncased ({wrong[0]} is not word"
            f" {PHRASE_MARKS[wrong[0]]}): {FETCH}"
        )
    return BertTokenizer(vocab=pieces, do_lower_case=True)
