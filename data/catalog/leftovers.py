"""What nothing in the store names any more: half-written or packed files, versions left behind."""

from collections.abc import Iterator
from dataclasses import dataclass

from data.shards.spans import covered, is_pack
from data.store import layout
from data.store.storage import Store

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
        yield from _packed(store, f"{corpus}/videos", old_s)
        for stage in (*store.names(f"{corpus}/embed"), *store.names(f"{corpus}/pool")):
            if not stage.endswith("/current"):
                yield from _packed_shards(store, stage, old_s)
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


def _packed(store: Store, folder: str, old_s: float) -> Iterator[Leftover]:
    """Files that a pack stands for since so long; whoever read them then has come to an end."""
    old: dict[str, bool] = {}
    for name, pack in covered(store.names(folder)):
        if pack not in old:
            old[pack] = _old(store, pack, old_s)
        if old[pack]:
            yield Leftover(name, store.size(name), "packed")


def _packed_shards(store: Store, stage: str, old_s: float) -> Iterator[Leftover]:
    """As above: lists, vectors and receipts; a pack's vectors count once it has its receipt."""
    for part in ("shards", "receipts"):
        yield from _packed(store, f"{stage}/{part}", old_s)
    receipts = {_shard(name) for name in store.names(f"{stage}/receipts", ".json")}
    files = {_shard(name): name for name in store.names(stage, ".parquet")}
    halves = {shard for shard in files if is_pack(shard) and shard not in receipts}
    for shard, pack in covered(receipts | files.keys() - halves):
        if shard in files and _old(store, layout.receipt(stage, pack), old_s):
            yield Leftover(files[shard], store.size(files[shard]), "packed")
    for shard in sorted(halves):
        if _old(store, files[shard], old_s):
            yield Leftover(files[shard], store.size(files[shard]), "half-packed")


def _shard(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[0].removeprefix("shard-")


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
    return store.age(name) >= old_s
