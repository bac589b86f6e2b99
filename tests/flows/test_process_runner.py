"""A run in a worker's process of its own stores the vectors that one in this process stores."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data.settings import Settings
from data.specs.pipeline import EmbedSpec
from data.workspace import open_workspace
from flows.embed import embed
from flows.ingest import ingest

SOURCE = "fake://12?undecodable=1&exit=1&frames=9"

pytestmark = [pytest.mark.usefixtures("plain_flows", "workspace"), pytest.mark.timeout(120)]


def embed_fakes(root: Path, runner: str, patch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    patch.setenv("REELFLOW_ROOT", str(root))
    patch.setenv("REELFLOW_RUNNER", runner)
    patch.setenv("REELFLOW_SHARD_SIZE", "5")
    ingest(SOURCE, "c", probe=False)
    embed("c", EmbedSpec(engine="fake", every_nth=1))
    store = open_workspace(Settings()).store
    for file in sorted(Path(store.root).rglob("embed/*/*.parquet")):
        # A video whose decoder died comes again, when a new one has started: sooner or later.
        rows = sorted(map(repr, pq.read_table(file).to_pylist()))
        yield file.name, hashlib.sha256("".join(rows).encode()).hexdigest()


def test_frame_vectors_are_the_same_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = list(embed_fakes(tmp_path / "here", "in_process", monkeypatch))
    own = list(embed_fakes(tmp_path / "own", "process", monkeypatch))
    assert len(here) == 4 and here == own  # three shards and the canary
