"""The tokenizer of the bundled model, trained on its captions."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.tiny.t2v import training_set

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPTokenizer

LENGTH = 40  # tokens of the longest prompt
CAPTIONS = 4000
VOCABULARY = 1000
NOISY_SHARE = 0.35  # share of captions with unknown tokens inserted


def train_tokenizer(seed: int = 0) -> "CLIPTokenizer":
    """A tokenizer in CLIP's format with a token for every word that training captions use."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer(model_max_length=LENGTH).train_new_from_iterator(
        draw_captions(seed), VOCABULARY, show_progress=False
    )


def load_tokenizer(folder: Path) -> "CLIPTokenizer":
    """The tokenizer in a pipeline's folder, trained first if there is none.

    Two trainings number single letters differently: processes, and runs that go on, share one.
    """
    from transformers import CLIPTokenizer

    if not (folder / "tokenizer").is_dir():
        train_tokenizer().save_pretrained(folder / "tokenizer")
    return CLIPTokenizer.from_pretrained(folder / "tokenizer")


def list_known(tokenizer: "CLIPTokenizer", seed: int = 0) -> frozenset[int]:
    """The tokens of training captions, including those of start and end."""
    return frozenset(token for text in draw_captions(seed) for token in tokenizer(text).input_ids)


class CaptionEncoder:
    """Encodes captions as token ids, at times with unknown tokens among them."""

    def __init__(self, tokenizer: "CLIPTokenizer") -> None:
        self.tokenizer, self.known = tokenizer, list_known(tokenizer)
        self.unknown = sorted(set(range(len(tokenizer))) - self.known)

    def encode_captions(self, rng: np.random.Generator, texts: list[str]) -> "Tensor":
        """(n, length) ids, padded as the pipeline pads its prompts."""
        import torch

        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        ids = np.full((len(texts), LENGTH), end, np.int64)
        for line, text in zip(ids, texts, strict=True):
            token_ids = self.tokenizer(text, add_special_tokens=False).input_ids
            for _ in range(int(rng.integers(1, 8)) if rng.random() < NOISY_SHARE else 0):
                token_ids.insert(
                    int(rng.integers(len(token_ids) + 1)), int(rng.choice(self.unknown))
                )
            whole = [start, *token_ids[: LENGTH - 2], end]
            line[: len(whole)] = whole
        return torch.from_numpy(ids)


def draw_captions(seed: int) -> Iterator[str]:
    """The captions of some thousand training clips."""
    for index in range(CAPTIONS):
        rng = np.random.default_rng([seed, 6, index])
        yield training_set.write_caption(rng, training_set.draw_training_scene(rng))
