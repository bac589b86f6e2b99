"""Embeddings in the files of the published scripts: `text_embeddings.pt` and its neighbours."""

import gzip
import json
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.runs.benchmark import Kind, Part
from engines.evaluate.benchmarks.msrvtt_personalization.safe_pickles import (
    LARGEST,
    UnsafePickle,
    load_tensor,
    load_tensors,
)
from engines.evaluate.protocol import MissingReference
from engines.files.access import STRICT, UrlPolicy
from engines.files.media import open_media

if TYPE_CHECKING:
    from torch import Tensor

TEXT, VIDEO, FACES = "text_embeddings.pt", "video_embeddings.pt", "face_embeddings.pt"
SUBJECTS = "subject_embeddings.pkl.gz"
TAGS = "word_tags.json"  # ours: the published files do not tell subjects from objects


def read_parts(prefix: str, kind: Kind, policy: UrlPolicy = STRICT) -> list[Part]:
    """Reads the parts of one kind as float32; `subject` gives all tags in file order.

    Files are `<prefix><name>`; the prefix is a clip's folder, or a video's path up to its last
    dot. Raises `MissingReference` if the file is missing, unreadable or unsafe.
    """
    if kind == "subject":
        return _read_subjects(prefix, policy)
    name = {"text": TEXT, "video": VIDEO, "face": FACES}[kind]
    try:
        vectors = load_tensor(_read_content(prefix, name, policy))
        return [Part(kind, None, _to_rows(vectors, name))]
    except UnsafePickle as fault:
        raise MissingReference(f"{name}: {fault}") from fault


def write_parts(folder: Path, parts: Iterable[Part], half: bool) -> None:
    """Writes a clip's files into its folder, leaving out parts without vectors.

    With `half`, CLIP's vectors are float16, as published from a GPU; all others are float32.
    """
    import torch

    present = [part for part in parts if part.vectors is not None]
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in ((TEXT, "text"), (VIDEO, "video"), (FACES, "face")):
        for part in (part for part in present if part.kind == kind):
            vectors = torch.from_numpy(part.vectors).to(
                torch.float16 if half and kind != "face" else torch.float32
            )
            torch.save(vectors[0].clone() if kind == "text" else vectors, folder / name)
    tagged = [part for part in present if part.kind in ("subject", "object")]
    if tagged:
        tensors = {part.tag: torch.from_numpy(part.vectors) for part in tagged}
        # Without gzip's time stamp, so that the same vectors give the same bytes.
        (folder / SUBJECTS).write_bytes(gzip.compress(pickle.dumps(tensors), mtime=0))
        groups = {k: [part.tag for part in tagged if part.kind == k] for k in ("subject", "object")}
        (folder / TAGS).write_text(json.dumps(groups, indent=4))


def _read_subjects(prefix: str, policy: UrlPolicy) -> list[Part]:
    try:
        tensors: Any = load_tensors(_read_content(prefix, SUBJECTS, policy))
        if not isinstance(tensors, dict) or not all(isinstance(tag, str) for tag in tensors):
            raise UnsafePickle("not a dict with tags as keys")
        kinds = _read_tag_kinds(prefix, policy)
        return [
            Part(kinds.get(tag, "tag"), tag, _to_rows(vectors, tag))
            for tag, vectors in tensors.items()
        ]
    except UnsafePickle as fault:
        raise MissingReference(f"{SUBJECTS}: {fault}") from fault


def _read_tag_kinds(prefix: str, policy: UrlPolicy) -> dict[str, Kind]:
    """The kind of each tag, or an empty dict without our own file that records it."""
    try:
        groups = json.loads(_read_content(prefix, TAGS, policy))
        kinds: Sequence[Kind] = ("subject", "object")
        return {tag: kind for kind in kinds for tag in groups[kind]}
    except (MissingReference, ValueError, KeyError, TypeError):
        return {}


def _to_rows(tensor: "Tensor", name: str) -> np.ndarray:
    """(n, d) float32 rows of a tensor, which may be a single vector."""
    import torch

    if not isinstance(tensor, torch.Tensor) or tensor.ndim not in (1, 2):
        raise UnsafePickle(f"{name} is not a vector or rows of vectors")
    if not tensor.is_floating_point():
        raise UnsafePickle(f"{name} contains {tensor.dtype}, not floating-point vectors")
    return torch.atleast_2d(tensor).detach().float().numpy()


def _read_content(prefix: str, name: str, policy: UrlPolicy) -> bytes:
    try:
        with open_media(f"{prefix}{name}", policy) as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise MissingReference(f"no {name} ({error.strerror or error})") from error
    if not content:
        raise MissingReference(f"{name} is empty")
    return content
