"""Files of the store that nothing needs: half-written or packed ones, and old index versions."""

from collections.abc import Iterator
from dataclasses import dataclass

from data.shards.spans import find_covered, is_pack
from data.shards.stages import INDEX_OF_FRAMES
from data.store import layout
from data.store.storage import Store

RUN_FOLDERS = (
    layout.GENERATIONS, layout.EXPERIMENTS, layout.EVALUATIONS, layout.FEATURES, layout.DISTANCES,
)  # fmt: skip
MIN_AGE_S = 24 * 3600  # a younger file may still be written or read


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file or folder to collect, its bytes, and the reason."""

    name: str
    bytes: int
    why: str


def find_leftovers(store: Store, keep: int = 2, min_age_s: float = MIN_AGE_S) -> Iterator[Leftover]:
    """Files and folders that nothing reads and that are older than `min_age_s` seconds.

    Of an index the published version stays, with the ones before it, `keep` versions in all.
    """
    yield from _find_partials(store, min_age_s)
    for corpus in store.list_names("corpora"):
        yield from _find_packed(store, f"{corpus}/videos", min_age_s)
        for stage in (*store.list_names(f"{corpus}/embed"), *store.list_names(f"{corpus}/pool")):
            if not stage.endswith("/current"):
                yield from _find_packed_shards(store, stage, min_age_s)
        for kind in ("index", INDEX_OF_FRAMES):
            for stage in store.list_names(f"{corpus}/{kind}"):
                yield from _find_old_versions(store, stage, keep, min_age_s)
    for run in store.list_names(layout.GENERATIONS):
        yield from _find_unmarked(store, run, min_age_s)


def _find_partials(store: Store, min_age_s: float) -> Iterator[Leftover]:
    """Hidden files and folders of killed writers; object stores have none."""
    if not store.is_local:
        return
    root = store.local_path("")
    for folder in ("corpora", *RUN_FOLDERS):
        for path in sorted((root / folder).rglob(".*")):
            name = str(path.relative_to(root))
            # Only the topmost hidden folder: deleting it deletes what is in it.
            if "/." not in name.rsplit("/.", 1)[0] and _is_old(store, name, min_age_s):
                yield Leftover(name, store.size(name), "half-written")


def _find_packed(store: Store, folder: str, min_age_s: float) -> Iterator[Leftover]:
    """Files whose pack is old enough for every reader of the files to have ended."""
    old: dict[str, bool] = {}
    for name, pack in find_covered(store.list_names(folder)):
        if pack not in old:
            old[pack] = _is_old(store, pack, min_age_s)
        if old[pack]:
            yield Leftover(name, store.size(name), "packed")


def _find_packed_shards(store: Store, stage: str, min_age_s: float) -> Iterator[Leftover]:
    """Packed lists, vectors and receipts of a stage; also vectors of packs without a receipt."""
    for part in ("shards", "receipts"):
        yield from _find_packed(store, f"{stage}/{part}", min_age_s)
    receipts = {_shard_name(name) for name in store.list_names(f"{stage}/receipts", ".json")}
    files = {_shard_name(name): name for name in store.list_names(stage, ".parquet")}
    # A pack without a receipt was cut short: its vectors stand for nothing.
    halves = {shard for shard in files if is_pack(shard) and shard not in receipts}
    for shard, pack in find_covered(receipts | files.keys() - halves):
        if shard in files and _is_old(store, layout.receipt_file(stage, pack), min_age_s):
            yield Leftover(files[shard], store.size(files[shard]), "packed")
    for shard in sorted(halves):
        if _is_old(store, files[shard], min_age_s):
            yield Leftover(files[shard], store.size(files[shard]), "half-packed")


def _shard_name(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[0].removeprefix("shard-")


def _find_old_versions(store: Store, stage: str, keep: int, min_age_s: float) -> Iterator[Leftover]:
    alias = f"{stage}/current"
    if not store.exists(alias):
        return
    published = store.read(alias).decode().strip()
    names = store.list_names(stage)
    versions = [name for name in names if name.rsplit("/", 1)[-1].startswith("v")]
    # Versions sort by name; those after the published one never became it.
    before = [name for name in versions if name.rsplit("/", 1)[-1] < published]
    retained = {f"{stage}/{published}", *before[max(0, len(before) - keep + 1) :]}
    for name in versions:
        if name not in retained and _is_old(store, name, min_age_s):
            why = "an older version" if name in before else "never published"
            yield Leftover(name, store.size(name), why)


def _find_unmarked(store: Store, run: str, min_age_s: float) -> Iterator[Leftover]:
    """Generated videos without the row that marks them as complete."""
    names = set(store.list_names(f"{run}/{layout.MEDIA}"))
    for name in sorted(names):
        unmarked = name.endswith(".mp4") and name.removesuffix(".mp4") + ".json" not in names
        if unmarked and _is_old(store, name, min_age_s):
            yield Leftover(name, store.size(name), "no row marks it as complete")


def _is_old(store: Store, name: str, min_age_s: float) -> bool:
    return store.age(name) >= min_age_s
