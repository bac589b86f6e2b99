"""Random numbers of a pass: by the run's seed, the clip's bytes and the pass, and nothing else."""

import json
from hashlib import sha256

import numpy as np


def derive_seed(seed: int, clip: str, number: int, *place: int | str) -> int:
    """63 bits for the pass `number` of a clip, known by the digest of its bytes, and a `place`.

    Neither the batch, nor the worker, nor the order of clips is part of it.
    """
    key = json.dumps([seed, clip, number, *place], separators=(",", ":"))
    return int.from_bytes(sha256(key.encode()).digest()[:8]) >> 1


def open_rng(seed: int, clip: str, number: int, *place: int | str) -> np.random.Generator:
    """The generator of these: Philox, whose streams do not overlap."""
    return np.random.Generator(np.random.Philox(derive_seed(seed, clip, number, *place)))
