"""Random histories of a corpus, from a seed each; afterwards all that holds for ever must hold.

`REELFLOW_HISTORIES=500 pytest tests/faults/test_histories.py` runs as many, and says how fast.
"""

import hashlib
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import evidence
from support.corpora import FAKE, table

from data.catalog import compaction, leftovers
from data.errors import UserError
from data.records import Prompt
from data.settings import Settings
from data.specs.pipeline import IndexSpec, RetrieveSpec
from data.store.storage import Store
from data.workspace import Workspace, open_workspace
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.maintain import maintain
from flows.pool import pool
from flows.retry import retry
from tasks.generate.withdrawal import mark_withdrawn
from tasks.retrieve.retriever import Retriever

pytestmark = [pytest.mark.usefixtures("plain_flows"), pytest.mark.timeout(600)]

HISTORIES = int(os.environ.get("REELFLOW_HISTORIES", "3"))
STEPS = 9
FLAT = IndexSpec(engine="flat")
EVERYTHING = RetrieveSpec(k=100, dedup=1.01, ceiling=1.01)


class Killed(BaseException):
    """The process ends here."""


class History:
    """A folder of files that change, and a corpus that is brought up to them now and then."""

    def __init__(self, seed: int, folder: Path, clips: Path, set_host: Callable[[str], None]):
        self.random, self.folder, self.set_host = random.Random(seed), folder, set_host
        self.clips = sorted(clips.glob("*.mp4"))
        self.rows: dict[str, Path] = {}
        self.away: dict[str, bytes] = {}
        self.log: list[str] = []
        for _ in range(4):
            self.add()

    def step(self) -> None:
        """One thing that happens; nights come most often."""
        change = self.random.choice([
            self.add, self.copy, self.swap, self.change, self.vanish, self.come_back,
            self.withdraw, self.retry, self.maintain, self.rebuild_index, self.rebuild_catalogue,
            self.other_host, self.killed_upkeep, *[self.night] * 4, *[self.killed_night] * 4,
        ])  # fmt: skip
        self.log.append(change.__name__)
        change()

    def add(self) -> None:
        self._write(f"v{len(self.rows)}", self._bytes())

    def copy(self) -> None:
        self._write(f"v{len(self.rows)}", self._some_file().read_bytes())

    def change(self) -> None:
        self._write(self._some_id(), self._bytes())

    def swap(self) -> None:
        one, other = (self._some_id() for _ in range(2))
        first, second = self.rows[one].read_bytes(), self.rows[other].read_bytes()
        self._write(one, second)
        self._write(other, first)

    def vanish(self) -> None:
        id = self._some_id()
        self.away[id] = self.rows[id].read_bytes()
        self.rows[id].unlink()

    def come_back(self) -> None:
        for id, content in self.away.items():
            self._write(id, content)
        self.away.clear()

    def withdraw(self) -> None:
        try:
            mark_withdrawn(self.workspace, "c", self._some_id(), None)
        except UserError:
            self.log.append("not ingested yet")

    def retry(self) -> None:
        self._if_there(lambda: retry("c"))

    def maintain(self) -> None:
        self._if_there(lambda: maintain("c", remove=True, compact=True, canary=False))

    def rebuild_index(self) -> None:
        self._if_there(lambda: index("c", FLAT, True))

    def rebuild_catalogue(self) -> None:
        self.workspace.rebuild_catalog()

    def other_host(self) -> None:
        """From here on another machine works on the store, whose catalogue lags."""
        self.set_host(self.random.choice(["", "second", "third"]))

    def killed_night(self) -> None:
        self._kill_within(self.night, 30)

    def killed_upkeep(self) -> None:
        self._kill_within(self.random.choice([self.maintain, self.retry, self.rebuild_index]), 8)

    def _kill_within(self, act: Callable[[], None], writes: int) -> None:
        with dying_at(self.random.randint(1, writes)):
            try:
                act()
            except Killed:
                self.log.append(f"killed in {act.__name__}")

    def night(self) -> None:
        ingest(table(self.folder / "table", self._table()), "c", accept_missing=True)
        for stage in (lambda: embed("c", FAKE), lambda: pool("c"), lambda: index("c", FLAT)):
            try:
                stage()
            except UserError as error:  # such as a night in which all that is new has vanished
                self.log.append(str(error))
                return

    @property
    def workspace(self) -> Workspace:
        return open_workspace(Settings())

    def _table(self) -> list[dict]:
        return [{"videoID": id, "videoLoc": str(path), "txt": id} for id, path in self.rows.items()]

    def _if_there(self, act: Callable[[], object]) -> None:
        try:
            act()
        except UserError as error:
            self.log.append(str(error))

    def _bytes(self) -> bytes:
        """A clip, or the same with some zeros behind it, which is another content."""
        zeros = self.random.randint(0, 2)
        return self.random.choice(self.clips).read_bytes() + b"\0" * zeros

    def _some_id(self) -> str:
        return self.random.choice([id for id, path in self.rows.items() if path.exists()])

    def _some_file(self) -> Path:
        return self.rows[self._some_id()]

    def _write(self, id: str, content: bytes) -> None:
        """In the place of what was there, as a copy would be: in one move."""
        path = self.rows.setdefault(id, self.folder / f"{id}.mp4")
        hidden = path.with_suffix(".tmp")
        hidden.write_bytes(content)
        hidden.replace(path)


@contextmanager
def dying_at(nth: int) -> Iterator[None]:
    """The `nth` file that is written to the store is the last: half the time it is there."""
    create, count = Store.create, 0

    @contextmanager
    def dying_create(store: Store, name: str) -> Iterator:
        nonlocal count
        count += 1
        if count == nth and nth % 2:
            raise Killed
        with create(store, name) as out:
            yield out
        if count >= nth:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "create", dying_create)
        yield


def assert_all_holds(history: History) -> None:
    """One row for each content shown and pooled; hits by today's files; nothing done twice."""
    workspace = history.workspace
    with workspace.open_synced_catalog("c") as catalog:
        shown = dict(catalog.execute("SELECT id, content FROM shown WHERE content IS NOT NULL"))
        pooled = {content for (content,) in catalog.execute(
            "SELECT content FROM latest WHERE stage = 'pool' AND reason IS NULL"
        )}  # fmt: skip
        twice = catalog.execute(
            "SELECT stage, content FROM outcomes WHERE reason IS NULL"
            " GROUP BY ALL HAVING count(*) > 1"
        )
    assert not twice
    retriever = Retriever(workspace, "c")
    contents = retriever.contents.tolist()
    assert len(set(contents)) == len(contents)
    assert set(shown.values()) & pooled <= set(contents)
    hits = retriever.search_prompts([Prompt("0", "anything")], EVERYTHING)
    assert len(hits) == len(set(shown.values()) & pooled)
    for hit in hits:
        path = history.rows[hit.video_id]
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        assert shown[hit.video_id] == f"sha256:{content}"
    evidence.assert_rebuilt_the_same(Path(workspace.store.root))


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_after_any_history_a_quiet_night_leaves_all_exact(
    seed: int, workspace: Workspace, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_host(name: str) -> None:
        if name:
            monkeypatch.setenv("REELFLOW_CATALOG", str(tmp_path / name / "catalog.duckdb"))
        else:
            monkeypatch.delenv("REELFLOW_CATALOG", raising=False)

    # Small packs, and what they stand for goes at once: else no history is long enough.
    monkeypatch.setattr(compaction, "MIN_FILES", 2)
    monkeypatch.setattr(leftovers, "_is_old", lambda store, name, min_age_s: True)
    started, folder = time.perf_counter(), tmp_path / "files"
    folder.mkdir()
    history = History(seed, folder, clips, set_host)
    try:
        for _ in range(STEPS):
            history.step()
        set_host("")
        history.come_back()
        history.night()
        if set(open_shown(history)):  # a history may withdraw all there is
            assert_all_holds(history)
    except BaseException:
        print(f"seed {seed}: {', '.join(history.log)}")
        raise
    finally:
        shutil.rmtree(folder)
    print(f"seed {seed}: {len(history.log)} steps in {time.perf_counter() - started:.1f} s")


def open_shown(history: History) -> list[str]:
    """The ids that may be shown."""
    with history.workspace.open_synced_catalog("c") as catalog:
        return [id for (id,) in catalog.execute("SELECT id FROM shown")]
