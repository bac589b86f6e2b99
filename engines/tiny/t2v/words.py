"""The tokenizer of the bundled model, learnt from its training captions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from engines.tiny.t2v import training_set

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPTokenizer

LENGTH = 40  # tokens of the longest prompt
CAPTIONS = 4000
VOCABULARY = 1000
STREWN = 0.35  # share of captions with words in them that no caption uses


def learn(seed: int = 0) -> "CLIPTokenizer":
    """A tokenizer in CLIP's format with a token for every word that training captions use."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer(model_max_length=LENGTH).train_new_from_iterator(
        captions(seed), VOCABULARY, show_progress=False
    )


def taught(tokenizer: "CLIPTokenizer", seed: int = 0) -> frozenset[int]:
    """The tokens that training captions are made of, their ends included."""
    return frozenset(token for text in captions(seed) for token in tokenizer(text).input_ids)


class Scribe:
    """Captions as token ids, now and then with tokens strewn in that mean nothing."""

    def __init__(self, tokenizer: "CLIPTokenizer") -> None:
        self.tokenizer, self.taught = tokenizer, taught(tokenizer)
        self.untaught = sorted(set(range(len(tokenizer))) - self.taught)

    def tokens(self, rng: np.random.Generator, texts: list[str]) -> "Tensor":
        """(n, length) ids, padded as the pipeline pads its prompts."""
        import torch

        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        ids = np.full((len(texts), LENGTH), end, np.int64)
        for row, text in zip(ids, texts, strict=True):
            said = self.tokenizer(text, add_special_tokens=False).input_ids
            for _ in range(int(rng.integers(1, 8)) if rng.random() < STREWN else 0):
                said.insert(int(rng.integers(len(said) + 1)), int(rng.choice(self.untaught)))
            whole = [start, *said[: LENGTH - 2], end]
            row[: len(whole)] = whole
        return torch.from_numpy(ids)


def captions(seed: int) -> Iterator[str]:
    """What is said of some thousand training clips."""
    for index in range(CAPTIONS):
        rng = np.random.default_rng([seed, 6, index])
        yield training_set.caption(rng, training_set.scene(rng))
