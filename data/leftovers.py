"""What nothing in the store names any more: half-written files, versions that searches left."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from data import layout
from data.storage import Store

WRITTEN = (
    layout.GENERATIONS, layout.EXPERIMENTS, layout.EVALUATIONS, layout.FEATURES, layout.DISTANCES,
)  # fmt: skip
OLD_S = 24 * 3600  # what is younger may be at work


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something to collect, its bytes, and why."""

    name: str
    bytes: int
    why: str


def leftovers(store: Store, keep: int = 2, old_s: float = OLD_S) -> Iterator[Leftover]:
    """What may go: nothing reads it, and it lies there for longer than `old_s`.

    Of an index the published version stays, and those before it until there are `keep`.
    """
    yield from _partials(store, old_s)
    for corpus in store.names("corpora"):
        for stage in store.names(f"{corpus}/index"):
            yield from _versions(store, stage, keep, old_s)
    for run in store.names(layout.GENERATIONS):
        yield from _unmarked(store, run, old_s)


def _partials(store: Store, old_s: float) -> Iterator[Leftover]:
    """Hidden files and folders of writers that were killed; object stores show none."""
    if not store.is_local:
        return
    root = store.local("")
    for folder in ("corpora", *WRITTEN):
        for path in sorted((root / folder).rglob(".*")):
            name = str(path.relative_to(root))
            if "/." not in name.rsplit("/.", 1)[0] and _old(store, name, old_s):
                yield Leftover(name, store.size(name), "half-written")


def _versions(store: Store, stage: str, keep: int, old_s: float) -> Iterator[Leftover]:
    alias = f"{stage}/current"
    if not store.exists(alias):
        return
    now = store.read(alias).decode().strip()
    versions = [name for name in store.names(stage) if name.rsplit("/", 1)[-1].startswith("v")]
    before = [name for name in versions if name.rsplit("/", 1)[-1] < now]
    kept = {f"{stage}/{now}", *before[max(0, len(before) - keep + 1) :]}
    for name in versions:
        if name not in kept and _old(store, name, old_s):
            why = "an older version" if name in before else "never published"
            yield Leftover(name, store.size(name), why)


def _unmarked(store: Store, run: str, old_s: float) -> Iterator[Leftover]:
    """Videos without the row that marks them as whole."""
    names = set(store.names(f"{run}/{layout.MEDIA}"))
    for name in sorted(names):
        unmarked = name.endswith(".mp4") and name.removesuffix(".mp4") + ".json" not in names
        if unmarked and _old(store, name, old_s):
            yield Leftover(name, store.size(name), "no row marks it as whole")


def _old(store: Store, name: str, old_s: float) -> bool:
    return time.time() - store.modified(name) >= old_s
