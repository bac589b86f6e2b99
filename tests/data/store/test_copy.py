"""A store that is copied is the same store there; cut short, it does not count yet."""

import re
from pathlib import Path

import pytest

from data.errors import UserError
from data.store import copy as copying
from data.store.copy import IN_PROGRESS, CopySummary, copy_store
from data.store.storage import Store

FILES = {
    "corpora/c/embed/f/spec.json": b"{}",
    "corpora/c/embed/f/shard-000000.parquet": b"vectors",
    "corpora/c/embed/f/receipts/000000.json": b"{1}",
    "corpora/c/embed/current": b"f",
    "canary/1/clip.mp4": b"clip",
}
OWN = ("locks/x/1.json", "service/server.log", "catalog.duckdb", "corpora/c/.half.tmp")


@pytest.fixture
def here(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "here"))
    for name, content in FILES.items():
        store.write(name, content)
    for name in OWN:
        store.write(name, b"own")
    return store


@pytest.fixture
def there(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "there"))


def read_all(store: Store) -> dict[str, bytes]:
    root = Path(store.root)
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def test_all_of_a_store_is_copied_but_not_what_is_a_machines_own(here: Store, there: Store) -> None:
    progress = []
    summary = copy_store(here, there, lambda *counts: progress.append(counts))
    assert read_all(there) == FILES
    assert summary == CopySummary(5, sum(map(len, FILES.values())), 0)
    assert progress[-1] == (5, 5) and progress == sorted(progress)


def test_a_large_file_arrives_whole(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "CHUNK_BYTES", 3)
    assert copy_store(here, there, _ignore).bytes == sum(map(len, FILES.values()))
    assert read_all(there) == FILES


def test_until_it_is_whole_no_alias_names_it_and_the_same_call_goes_on(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_file = copying._copy_file

    def breaks(source: Store, target: Store, name: str) -> int:
        if name.endswith("receipts/000000.json"):
            raise ConnectionError
        return copy_file(source, target, name)

    monkeypatch.setattr(copying, "_copy_file", breaks)
    with pytest.raises(ConnectionError):
        copy_store(here, there, _ignore)
    assert "corpora/c/embed/f/shard-000000.parquet" in read_all(there)
    assert "corpora/c/embed/current" not in read_all(there)
    monkeypatch.setattr(copying, "_copy_file", copy_file)
    here.write("canary/1/clip.mp4", b"klip")  # written anew, as long as before
    summary = copy_store(here, there, _ignore)
    assert (summary.files, summary.unchanged) == (4, 1)
    assert read_all(there) == FILES | {"canary/1/clip.mp4": b"klip"}


def test_what_a_run_finishes_meanwhile_is_left_out_whole(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_file = copying._copy_file

    def goes_on(source: Store, target: Store, name: str) -> int:
        source.write("corpora/c/embed/f/receipts/000001.json", b"{2}")
        source.write("corpora/c/embed/current", b"g")
        return copy_file(source, target, name)

    monkeypatch.setattr(copying, "_copy_file", goes_on)
    copy_store(here, there, _ignore)
    assert read_all(there) == FILES


def test_no_store_is_written_over(here: Store, there: Store, tmp_path: Path) -> None:
    copy_store(here, there, _ignore)
    with pytest.raises(UserError, match=re.escape(there.root)):
        copy_store(here, there, _ignore)
    there.write(IN_PROGRESS, b"elsewhere")
    with pytest.raises(UserError, match="elsewhere"):
        copy_store(here, there, _ignore)
    with pytest.raises(UserError, match="REELFLOW_ROOT"):
        copy_store(Store(str(tmp_path / "none")), Store(str(tmp_path / "other")), _ignore)


def _ignore(done: int, total: int) -> None:
    """Nothing to show."""
