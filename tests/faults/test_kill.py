"""kill -9 at any point, then the same command again: as if nothing had happened."""

import os
import signal
from pathlib import Path

import pytest
from support import evidence
from support.commands import DECODER, Shop, children, runs, wait_until

SOURCE = "fake://12?undecodable=1&missing=1&frames=60"
COMMAND = ("run", "c", "--source", SOURCE, "--engine", "fake")
SHARDS = 3

MOMENTS = [  # in the order in which a run comes by
    ("before", "corpora/c/videos/*.parquet"),
    ("during", "corpora/c/videos/*.parquet"),
    ("after", "corpora/c/videos/*.parquet"),
    ("during", "catalogue:ingests"),
    ("during", "corpora/c/embed/*/shards/000001.json"),
    ("during", "catalogue:shards"),
    ("during", "corpora/c/embed/*/shard-000001.parquet"),
    ("after", "corpora/c/embed/*/shard-000001.parquet"),
    ("after", "corpora/c/embed/*/receipts/000001.json"),
    ("during", "catalogue:outcomes"),
    ("during", "corpora/c/pool/*/shard-000001.parquet"),
    ("after", "corpora/c/pool/*/shard-000001.parquet"),
    ("after", "corpora/c/pool/*/receipts/000001.json"),
    ("during", "corpora/c/index/*/v*/ids.parquet"),
    ("before", "corpora/c/index/*/current"),
    ("during", "catalogue:members"),
]
ALONE = [  # once each: in the store, in the catalogue
    ("during", "corpora/c/embed/*/shard-000001.parquet"),
    ("during", "catalogue:outcomes"),
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = Shop(tmp_path_factory.mktemp("undisturbed"))
    shop.ok(*COMMAND)
    return shop.root


def assert_as_if_nothing_had_happened(shop: Shop, undisturbed: Path) -> None:
    assert evidence.artifacts(shop.root) == evidence.artifacts(undisturbed)
    assert evidence.status(shop.root) == evidence.status(undisturbed)
    assert not evidence.partials(shop.root)
    evidence.assert_rebuilt_the_same(shop.root)


@pytest.mark.timeout(600)
def test_a_run_killed_at_every_moment_goes_on_where_it_was(
    undisturbed: Path, tmp_path: Path
) -> None:
    """Each kill is on what the former left, which gets as far as the next moment at least."""
    shop = Shop(tmp_path)
    before: dict[str, tuple[int, bytes]] = {}
    for moment in MOMENTS:
        assert shop.run(*COMMAND, dies=moment).code == -signal.SIGKILL, moment
        assert before.items() <= evidence.committed(shop.root).items(), f"done twice, at {moment}"
        before = evidence.committed(shop.root)
    shop.ok(*COMMAND)
    assert before.items() <= evidence.committed(shop.root).items(), "done twice"
    assert_as_if_nothing_had_happened(shop, undisturbed)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", ALONE, ids=" ".join)
def test_a_run_killed_once_goes_on_where_it_was(
    moment: tuple[str, str], undisturbed: Path, tmp_path: Path
) -> None:
    shop = Shop(tmp_path)
    assert shop.run(*COMMAND, dies=moment).code == -signal.SIGKILL
    before = evidence.committed(shop.root)
    shop.ok(*COMMAND)
    assert before.items() <= evidence.committed(shop.root).items(), "done twice"
    assert_as_if_nothing_had_happened(shop, undisturbed)


@pytest.mark.timeout(600)
def test_decoders_end_with_their_killed_run_and_a_hang_is_a_timeout_after_it(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    shop.ok("ingest", "fake://12?hang=1&frames=60", "--corpus", "c")
    embed = ("embed", "c", "--engine", "fake")
    run = shop.start(*embed, DECODE_DEADLINE_S=3600)
    decoders = wait_until(lambda: children(run.pid, DECODER), "a decoder started")
    wait_until(lambda: len(list(shop.root.glob("corpora/c/embed/*/shards/*"))) == SHARDS, "a plan")
    run.kill()
    wait_until(lambda: not any(map(runs, decoders)), "its decoders ended")
    before = evidence.committed(shop.root)
    shop.ok(*embed, DECODE_DEADLINE_S=5)
    assert before.items() <= evidence.committed(shop.root).items()
    videos = evidence.status(shop.root)["stages"]["embed"]["videos"]
    assert videos == {"total": 12, "done": 11, "failed": 1, "missing": 0}


@pytest.mark.timeout(600)
def test_a_killed_decoder_costs_no_video(undisturbed: Path, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    slow = SOURCE.replace("frames", "seconds=1&frames")
    shop.ok("ingest", slow, "--corpus", "c")
    run = shop.start("embed", "c", "--engine", "fake")
    wait_until(lambda: list(shop.root.glob("corpora/c/embed/*/shards/000002.json")), "a plan")
    decoder = wait_until(lambda: children(run.pid, DECODER), "a decoder started")[0]
    os.kill(decoder, signal.SIGKILL)
    assert run.ended().code == 0, run.err
    vectors = {
        name: made for name, made in evidence.artifacts(undisturbed).items() if "embed" in name
    }
    assert evidence.artifacts(shop.root) == vectors
