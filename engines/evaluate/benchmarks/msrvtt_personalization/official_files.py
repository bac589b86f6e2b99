"""Embeddings as the published scripts leave them: `text_embeddings.pt` and its neighbours."""

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
    Unsafe,
    tensor,
    tensors,
)
from engines.evaluate.protocol import Missing
from engines.files.media import open_media

if TYPE_CHECKING:
    from torch import Tensor

TEXT, VIDEO, FACES = "text_embeddings.pt", "video_embeddings.pt", "face_embeddings.pt"
SUBJECTS = "subject_embeddings.pkl.gz"
TAGS = "word_tags.json"  # not among the published files: only it tells subjects from objects


def read_parts(prefix: str, kind: Kind) -> list[Part]:
    """The parts of one kind; `subject` gives all tags, in the order of the file.

    Files are `<prefix><name>`, the prefix being a clip's folder or the stem of a video with its
    dot. Vectors are float32. `Missing` where the file is, cannot be read, or must not be.
    """
    if kind == "subject":
        return _subjects(prefix)
    name = {"text": TEXT, "video": VIDEO, "face": FACES}[kind]
    try:
        found = tensor(_content(prefix, name))
        return [Part(kind, None, _rows(found, name))]
    except Unsafe as fault:
        raise Missing(f"{name}: {fault}") from fault


def write_parts(folder: Path, parts: Iterable[Part], half: bool) -> None:
    """Writes a clip's files into its folder; parts without vectors have none.

    `half`: CLIP's vectors are float16, as a GPU leaves them; all others are float32.
    """
    import torch

    held = [part for part in parts if part.vectors is not None]
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in ((TEXT, "text"), (VIDEO, "video"), (FACES, "face")):
        for part in (part for part in held if part.kind == kind):
            vectors = torch.from_numpy(part.vectors).to(
                torch.float16 if half and kind != "face" else torch.float32
            )
            torch.save(vectors[0].clone() if kind == "text" else vectors, folder / name)
    tagged = [part for part in held if part.kind in ("subject", "object")]
    if tagged:
        said = {part.tag: torch.from_numpy(part.vectors) for part in tagged}
        # The same bytes for the same vectors: no date, no name.
        (folder / SUBJECTS).write_bytes(gzip.compress(pickle.dumps(said), mtime=0))
        groups = {k: [part.tag for part in tagged if part.kind == k] for k in ("subject", "object")}
        (folder / TAGS).write_text(json.dumps(groups, indent=4))


def _subjects(prefix: str) -> list[Part]:
    try:
        found: Any = tensors(_content(prefix, SUBJECTS))
        if not isinstance(found, dict) or not all(isinstance(tag, str) for tag in found):
            raise Unsafe("not a table of tags")
        kinds = _kinds(prefix)
        return [
            Part(kinds.get(tag, "tag"), tag, _rows(vectors, tag)) for tag, vectors in found.items()
        ]
    except Unsafe as fault:
        raise Missing(f"{SUBJECTS}: {fault}") from fault


def _kinds(prefix: str) -> dict[str, Kind]:
    """Which tags are subjects and which objects, where a file says so."""
    try:
        said = json.loads(_content(prefix, TAGS))
        kinds: Sequence[Kind] = ("subject", "object")
        return {tag: kind for kind in kinds for tag in said[kind]}
    except (Missing, ValueError, KeyError, TypeError):
        return {}


def _rows(found: "Tensor", name: str) -> np.ndarray:
    """(n, d) float32 of a tensor that may be a single vector."""
    import torch

    if not isinstance(found, torch.Tensor) or found.ndim not in (1, 2):
        raise Unsafe(f"{name} is no row of vectors")
    if not found.is_floating_point():
        raise Unsafe(f"{name} holds {found.dtype}, not vectors")
    return torch.atleast_2d(found).detach().float().numpy()


def _content(prefix: str, name: str) -> bytes:
    try:
        with open_media(f"{prefix}{name}") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise Missing(f"no {name} ({error.strerror or error})") from error
    if not content:
        raise Missing(f"{name} is empty")
    return content
