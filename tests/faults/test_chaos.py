"""A short run of the soak script: the same strikes for everybody, by its seed."""

from pathlib import Path

import pytest
from soak import Chaos


@pytest.mark.timeout(600)
def test_a_corpus_that_is_struck_at_random_ends_as_one_that_was_not(tmp_path: Path) -> None:
    settings = {"RUNNER": "in_process", "SHARD_SIZE": 20, "DECODERS": 1}
    chaos = Chaos(tmp_path, 120, 5, settings)
    chaos.round("struck", 6)
    assert chaos.survived.total() >= 3
