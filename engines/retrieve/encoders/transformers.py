"""Encoders of transformers, pooled as their folder says: Contriever by the mean of its tokens.

A folder of sentence-transformers names its pooling in `1_Pooling/config.json`; one without, as
Contriever's, is pooled by the mean over all tokens, as its authors do (Izacard et al. 2021, arXiv
2112.09118).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.batches import iter_batches
from data.errors import UserError
from data.specs.encode import EncodeSpec
from engines.device import deterministic_inference
from engines.embed.model_folders import digest_folder, find_folder
from engines.pretrained import load_pretrained

if TYPE_CHECKING:
    import torch

VERSION = "1"
BATCH = 16
MAX_TOKENS = 512
POOLING = "1_Pooling/config.json"


def digest(spec: EncodeSpec) -> str:
    """The digest of a folder's weights and vocabulary; a UserError where it has none."""
    return digest_folder(_find_folder(spec), POOLING)


def _find_folder(spec: EncodeSpec) -> Path:
    if not spec.weights:
        raise UserError("the encoder transformers needs --encoder-weights: a folder, or a name")
    return find_folder(spec.weights, "--encoder-weights FOLDER")


def read_pooling(folder: Path) -> str:
    """`mean` or `cls`; a UserError for another kind of pooling."""
    file = folder / POOLING
    if not file.is_file():
        return "mean"
    modes = json.loads(file.read_text())
    chosen = [name.removeprefix("pooling_mode_") for name, on in modes.items()
              if name.startswith("pooling_mode_") and on is True]  # fmt: skip
    known = {"mean_tokens": "mean", "cls_token": "cls"}
    if len(chosen) != 1 or chosen[0] not in known:
        raise UserError(f"{file} asks for pooling by {', '.join(chosen)}: mean or cls are known")
    return known[chosen[0]]


class Encoder:
    """Batches of 16 texts, padded to the longest, whose padding is masked."""

    def __init__(self, spec: EncodeSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        """Loads tokenizer and model, without any code of the folder."""
        import torch
        from transformers import AutoModel, AutoTokenizer

        folder = _find_folder(self.spec)
        self._pooling = read_pooling(folder)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        self._tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        # Contriever's weights are a .bin, of which transformers unpickles nothing but tensors.
        # In the precision of the files: stored vectors were made so.
        model = load_pretrained(AutoModel, folder, use_safetensors=None, dtype="auto", **options)
        self._model = model.to(self._device)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, not normalised."""
        batches = iter_batches(texts, BATCH)
        return np.concatenate([self._encode_batch(list(batch)) for batch in batches])

    def _encode_batch(self, texts: list[str]) -> np.ndarray:
        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        ).to(self._device)
        with deterministic_inference():
            states = self._model(**tokens).last_hidden_state
        is_first = self._pooling == "cls"
        pooled = states[:, 0] if is_first else mean_pool(states, tokens.attention_mask)
        return pooled.float().cpu().numpy()


def mean_pool(states: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """The mean (n, dim) over the tokens (n, length, dim) that the mask (n, length) keeps."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)
