"""What the page's routes share: the newest copy of the catalogue, models, indexes, pictures."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.catalog.browsing import order_rows
from data.catalog.filter_terms import FilterTerm, join_conditions
from data.errors import UserError
from data.settings import Settings
from data.shards.stages import current_stage
from data.snapshot import SnapshotWorkspace
from data.store.temporary import TemporaryFolder
from data.workspace import open_workspace
from engines.browse.pictures import PictureMaker
from tasks.browse.cache import FileCache
from tasks.browse.kept import Kept
from tasks.browse.snapshots import SnapshotKeeper
from tasks.browse.warm_model import WarmModels
from tasks.command_line import join_command
from tasks.index.versions import find_index
from tasks.retrieve.retriever import Retriever
from tasks.workers import build_probe_setup

DECODE_DEADLINE_S = 12.0  # of a picture: somebody looks at a blank square meanwhile
CACHE_BYTES = 512 << 20
MAX_ORDERS = 16  # of row numbers: 4 MB each of a million videos
MAX_RESULTS = 256  # facets, states and other small ones
MAX_QUERIES = 4096  # vectors of what was searched for, 2 KB each: tabs stay open for days
MAX_SELECTIONS = 12  # each keeps the catalogue's copy that it was made in

log = logging.getLogger(__name__)


class Session:
    """One running page. Its store is only read, and any thread may use it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workspace = open_workspace(settings)
        self.snapshots = SnapshotKeeper(self.workspace)
        self.models = WarmModels(self.workspace)
        self.started = time.time()
        self._folder = TemporaryFolder()
        self.folder = Path(self._folder.name)
        setup = build_probe_setup(settings)
        deadline_s = min(DECODE_DEADLINE_S, settings.decode_deadline_s)
        self.pictures = PictureMaker(replace(setup, decode_deadline_s=deadline_s))
        (self.folder / "pictures").mkdir()
        self.files = FileCache(self.folder / "pictures", CACHE_BYTES)
        self._retrievers: dict[tuple[str, str, str], Retriever] = {}
        self._opening = threading.Lock()
        self._orders = Kept(MAX_ORDERS)
        self.results, self.queries = Kept(MAX_RESULTS), Kept(MAX_QUERIES)
        self.selections = Kept(MAX_SELECTIONS)
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._faults: dict[str, str] = {}

    @property
    def now(self) -> SnapshotWorkspace:
        """The store as it was when its catalogue was last copied."""
        return self.snapshots.current

    def require_corpus(self, corpus: str) -> SnapshotWorkspace:
        """The store as it is now; a UserError if it has no such corpus."""
        now = self.now
        if not now.snapshot.has(corpus):
            raise UserError(f"no corpus {corpus!r} in this store")
        return now

    def write_command(self, *words: str) -> str:
        """A command line over this store, to copy; capital letters stand for what is to be told."""
        root = self.settings.root
        own = root != Settings.model_fields["root"].default
        return join_command(*words, root=root if own else None)

    def open_retriever(self, corpus: str) -> Retriever:
        """The published index of a corpus; opened once a version. A UserError where it has none."""
        now = self.require_corpus(corpus)
        stage, version = find_index(now, corpus)
        key = corpus, stage.fingerprint, version
        with self._opening:
            if key not in self._retrievers:
                # The former version's file is closed with it.
                for old in [each for each in self._retrievers if each[0] == corpus]:
                    del self._retrievers[old]
                self._retrievers[key] = Retriever(now, corpus, self.models.embed_prompts)
            retriever = self._retrievers[key]
            if retriever.workspace is not now:
                retriever.follow(now)
            return retriever

    def order_videos(
        self, now: SnapshotWorkspace, corpus: str, terms: list[FilterTerm], where: str | None,
        sort: str | None = None, descending: bool = False,
    ) -> np.ndarray:  # fmt: skip
        """The row numbers of a corpus's videos in an order: see `order_rows`. They are kept.

        They are those of the copy `now`, and may be of other videos in the next one.
        """
        wheres = join_conditions(terms, where)
        key = now.number, corpus, tuple(wheres), sort, descending
        found: np.ndarray = self._orders.find(
            key, lambda: order_rows(now.snapshot, corpus, wheres, sort, descending)
        )
        return found

    def run_once(self, name: str, work: Callable[[], object]) -> None:
        """Runs something in the background, unless it runs already; its fault is raised to the next
        who asks for it."""
        with self._lock:
            if name in self._faults:
                raise UserError(self._faults.pop(name))
            if name in self._running:
                return
            self._running.add(name)

        def run() -> None:
            try:
                work()
            except Exception as error:
                log.exception("%s failed", name)
                self._faults[name] = f"{type(error).__name__}: {error}"
            finally:
                self._running.discard(name)

        threading.Thread(target=run, daemon=True, name=name).start()

    def start(self) -> None:
        """Follows the store from now on, and loads indexes and models meanwhile."""
        self.snapshots.start()
        for warm_up in (self.pictures.warm_up, self._load_models):
            threading.Thread(target=warm_up, daemon=True).start()

    def close(self) -> None:
        """Ends all processes and threads of its own."""
        self.snapshots.stop()
        self.pictures.close()
        self.models.close()

    def _load_models(self) -> None:
        for corpus in self.workspace.list_corpora():
            try:
                self.open_retriever(corpus)
                if stage := current_stage(self.workspace.store, corpus, "embed"):
                    self.models.load(stage)
            except UserError:  # told to whoever searches
                continue
