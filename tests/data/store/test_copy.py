"""A store that is copied is the same store there; cut short, it does not count yet."""

from pathlib import Path

import pytest

from data.errors import UserError
from data.store import copy as copying
from data.store.copy import UNDER_WAY, Copied, copy
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


def held(store: Store) -> dict[str, bytes]:
    root = Path(store.root)
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def test_all_of_a_store_is_copied_but_not_what_is_a_machines_own(here: Store, there: Store) -> None:
    told = []
    made = copy(here, there, lambda *counts: told.append(counts))
    assert held(there) == FILES
    assert made == Copied(5, sum(map(len, FILES.values())), 0)
    assert told[-1] == (5, 5) and told == sorted(told)


def test_a_large_file_arrives_whole(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "IN_MEMORY", 3)
    assert copy(here, there, _nobody).bytes == sum(map(len, FILES.values()))
    assert held(there) == FILES


def test_until_it_is_whole_no_alias_names_it_and_the_same_call_goes_on(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring = copying._bring

    def breaks(one: Store, other: Store, name: str) -> int:
        if name.endswith("receipts/000000.json"):
            raise ConnectionError
        return bring(one, other, name)

    monkeypatch.setattr(copying, "_bring", breaks)
    with pytest.raises(ConnectionError):
        copy(here, there, _nobody)
    assert "corpora/c/embed/f/shard-000000.parquet" in held(there)
    assert "corpora/c/embed/current" not in held(there)
    monkeypatch.setattr(copying, "_bring", bring)
    here.write("canary/1/clip.mp4", b"klip")  # written anew, as long as before
    made = copy(here, there, _nobody)
    assert (made.files, made.unchanged) == (4, 1)
    assert held(there) == FILES | {"canary/1/clip.mp4": b"klip"}


def test_what_a_run_finishes_meanwhile_is_left_out_whole(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring = copying._bring

    def goes_on(one: Store, other: Store, name: str) -> int:
        one.write("corpora/c/embed/f/receipts/000001.json", b"{2}")
        one.write("corpora/c/embed/current", b"g")
        return bring(one, other, name)

    monkeypatch.setattr(copying, "_bring", goes_on)
    copy(here, there, _nobody)
    assert held(there) == FILES


def test_no_store_is_written_over(here: Store, there: Store, tmp_path: Path) -> None:
    copy(here, there, _nobody)
    with pytest.raises(UserError, match="holds a store already"):
        copy(here, there, _nobody)
    there.write(UNDER_WAY, b"elsewhere")
    with pytest.raises(UserError, match="is a copy of elsewhere under way"):
        copy(here, there, _nobody)
    with pytest.raises(UserError, match="holds no store"):
        copy(Store(str(tmp_path / "none")), Store(str(tmp_path / "other")), _nobody)


def _nobody(done: int, total: int) -> None:
    """Hears it."""
