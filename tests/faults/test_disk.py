"""Disks that are full or read-only: one line that says what to do, and then the same command."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import evidence
from support.commands import Result, Shop
from support.disks import Disk, mounted

SOURCE = "fake://12?undecodable=1&frames=60"
COMMANDS = {
    "ingest": ("ingest", SOURCE, "--corpus", "c"),
    "embed": ("embed", "c", "--engine", "fake"),
    "pool": ("pool", "c"),
    "index": ("index", "c"),
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("only a privileged root can mount a small disk")
        yield disk


def assert_one_line(result: Result, *words: str) -> None:
    last = result.err.strip().splitlines()[-1]
    assert result.code == 1
    assert last.startswith("reelflow: ")
    assert all(word in last for word in words), last
    assert "Traceback" not in result.err and "debug" not in last, result.err


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each stage a store that is through all stages before it; "done" is through all."""
    shop, found = Shop(tmp_path_factory.mktemp("stores")), {}
    shop.root.mkdir()
    for stage, words in COMMANDS.items():
        found[stage] = shutil.copytree(shop.root, shop.folder / f"before-{stage}")
        shop.ok(*words)
    return found | {"done": shop.root}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("stage", "room"),
    [("ingest", 0), ("embed", 0), ("embed", 40_000), ("pool", 40_000), ("index", 12_000)],
)
def test_a_full_disk_stops_a_stage_and_room_lets_it_go_on(
    stage: str, room: int, stores: dict[str, Path], disk: Disk, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, ROOT=disk.folder / "store")
    shutil.copytree(stores[stage], shop.root)
    disk.fill(but=room)
    assert_one_line(shop.run(*COMMANDS[stage]), "no room left in", "free some space", "again")
    assert not evidence.partials(shop.root)
    before = evidence.committed(shop.root)
    disk.empty()
    shop.ok(*COMMANDS[stage])
    assert before.items() <= evidence.committed(shop.root).items()
    made, undisturbed = evidence.artifacts(shop.root), evidence.artifacts(stores["done"])
    assert made.items() <= undisturbed.items()
    assert {name for name in undisturbed if f"/{stage}/" in name} <= set(made)
    evidence.assert_rebuilt_the_same(shop.root)


@pytest.mark.timeout(600)
def test_a_store_that_is_read_only_is_said_so_by_every_stage(
    stores: dict[str, Path], disk: Disk, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, ROOT=disk.folder / "store")
    shutil.copytree(stores["embed"], shop.root)
    disk.remount("ro")
    for words in COMMANDS.values():
        assert_one_line(shop.run(*words), "cannot write to", "permissions")
    disk.remount("rw")
    shop.ok(*COMMANDS["embed"])
