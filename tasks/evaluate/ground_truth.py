"""Where the truth of evaluated clips is read from, and the digests that stand for it."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from data.errors import UserError
from data.runs.benchmark import is_name, known_file
from data.runs.evaluations import Target, TruthRef
from data.runs.generations import digest
from data.store.storage import Store
from engines.embed.weights import file_digest
from engines.evaluate.benchmarks.msrvtt_personalization.official_files import (
    FACES,
    SUBJECTS,
    TAGS,
    TEXT,
    VIDEO,
)

OFFICIAL = (TEXT, VIDEO, SUBJECTS, FACES, TAGS)


def truth_in(folder: str) -> TruthRef:
    """A folder of embeddings: ours where Parquet files lie in it, else the published scripts'."""
    if not Path(folder).is_dir():
        raise UserError(f"no folder {folder} of embeddings: `reelflow benchmark embed` makes one")
    ours = any(Path(folder).glob("*.parquet"))
    return TruthRef("parquet" if ours else "official", str(Path(folder).absolute()))


def truth_digests(targets: Iterable[Target]) -> dict[str, str]:
    """By target, what stands for all files that its truth can be read from; none for prompts."""
    refs = {target.id: target.truth for target in targets if target.truth.kind != "prompt"}
    made = {ref: _digest(ref) for ref in set(refs.values())}
    return {id: made[ref] for id, ref in refs.items()}


def _digest(ref: TruthRef) -> str:
    if ref.kind == "parquet":
        store, name = Store(ref.path), known_file(ref.clip)
        return sha256(store.read(name)).hexdigest() if store.exists(name) else ""
    if ref.kind == "official" and not is_name(ref.clip):
        return ""
    start = f"{ref.path}." if ref.kind == "sidecars" else f"{ref.path}/{ref.clip}/"
    there = [name for name in OFFICIAL if Path(start + name).is_file()]
    return digest([(name, file_digest(start + name)) for name in there])
