"""Finds the ground truth of evaluated clips, and digests it for their fingerprints."""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from data.errors import UserError
from data.runs.benchmark import clip_file, is_clip_name
from data.runs.evaluations import GroundTruthRef, Target
from data.stamps import hash_json
from data.store.storage import Store
from engines.embed.weights import digest_file
from engines.evaluate.benchmarks.msrvtt_personalization.official_files import (
    FACES,
    SUBJECTS,
    TAGS,
    TEXT,
    VIDEO,
)
from engines.files.urls import is_url

REFERENCE = "reference"  # the column of prompts that names a real video
OFFICIAL = (TEXT, VIDEO, SUBJECTS, FACES, TAGS)


def find_ground_truth(folder: str) -> GroundTruthRef:
    """A reference to a folder of embeddings: our Parquet files, else the published files."""
    if not Path(folder).is_dir():
        raise UserError(
            f"no folder {folder} of embeddings: make one with `reelflow benchmark embed`"
        )
    is_parquet = any(Path(folder).glob("*.parquet"))
    return GroundTruthRef("parquet" if is_parquet else "official", str(Path(folder).absolute()))


def add_reference(target: Target, prompts: str | None) -> Target:
    """The target with the real video that its row names in a column `reference`, if it does.

    A path is relative to the file of prompts, where one is given.
    """
    named = target.asked.get(REFERENCE)
    if not named or target.truth.kind != "prompt":
        return target
    path = Path(named)
    if not is_url(named) and not path.is_absolute():
        path = Path(prompts).parent / path if prompts and not is_url(prompts) else path
    uri = named if is_url(named) else str(path.absolute())
    return replace(target, truth=GroundTruthRef("video", uri, target.truth.clip))


def digest_ground_truths(targets: Iterable[Target]) -> dict[str, str]:
    """The digest of each target's ground-truth files, by its id; none for mere prompts."""
    refs = {target.id: target.truth for target in targets if target.truth.kind != "prompt"}
    digests = {ref: _digest_ref(ref) for ref in set(refs.values())}  # methods share clips
    return {id: digests[ref] for id, ref in refs.items()}


def _digest_ref(ref: GroundTruthRef) -> str:
    if ref.kind == "video":
        return digest_file(ref.path) if Path(ref.path).is_file() else ref.path
    if ref.kind == "parquet":
        store, name = Store(ref.path), clip_file(ref.clip)
        return sha256(store.read(name)).hexdigest() if store.exists(name) else ""
    if ref.kind == "official" and not is_clip_name(ref.clip):
        return ""  # the name comes from a file, and would be joined to a path
    prefix = f"{ref.path}." if ref.kind == "sidecars" else f"{ref.path}/{ref.clip}/"
    names = [name for name in OFFICIAL if Path(prefix + name).is_file()]
    return hash_json([(name, digest_file(prefix + name)) for name in names])
