"""The word pieces of bert-base-uncased, which Grounding DINO reads texts by."""

from typing import TYPE_CHECKING

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec

if TYPE_CHECKING:
    from transformers import BertTokenizer

FILE = "vocab.txt"
FETCH = f"curl -LO https://huggingface.co/google-bert/bert-base-uncased/resolve/main/{FILE}"
# What parts phrases: transformers knows these by number, whatever the vocabulary says.
PARTING = {"[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}


def load(spec: EvaluateSpec, file: str) -> "BertTokenizer":
    """The tokenizer, lower-casing, of a word piece a line; a UserError where it is not BERT's."""
    from transformers import BertTokenizer

    try:
        with open(file, encoding="utf-8") as lines:
            pieces = {line.rstrip("\n"): number for number, line in enumerate(lines)}
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is no list of words ({error}): {FETCH}") from error
    if wrong := [piece for piece, number in PARTING.items() if pieces.get(piece) != number]:
        raise UserError(
            f"{file} is not the vocabulary of bert-base-uncased ({wrong[0]} is not its word"
            f" {PARTING[wrong[0]]}): {FETCH}"
        )
    return BertTokenizer(vocab=pieces, do_lower_case=True)
