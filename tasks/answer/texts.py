"""The stored texts of the videos that questions are about, with their vectors."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from data.catalog.database import load_sql
from data.errors import UserError
from data.runs.questions import VideoQuestions
from data.shards.lists import list_done
from data.shards.stages import Stage, read_spec
from data.specs.answer import AnswerSpec
from data.specs.encode import EncodeSpec
from data.store import layout
from data.store.texts import StoredText, read_texts
from data.workspace import Workspace
from engines.annotate.encoding import read_vectors
from engines.answer.items import TextPart
from engines.base import load_plugin
from tasks.annotate.encode import find_encoded, read_encoder
from tasks.annotate.stage import find_annotated

Sources = dict[str, tuple[Stage, Stage | None]]  # by kind: the stages of texts and of vectors


def find_sources(workspace: Workspace, corpus: str, spec: AnswerSpec) -> Sources:
    """The stages whose texts a run uses.

    A UserError where the corpus has none of a kind, or their encoder is not the one asked for, or
    has other weights by now.
    """
    if spec.texts == "none":
        return {}
    stages = find_annotated(workspace, corpus, list(spec.kinds))
    sources = {
        kind: (stage, find_encoded(workspace, stage))
        for kind, stage in zip(spec.kinds, stages, strict=True)
    }
    for kind, (_, vectors) in sources.items():
        if vectors:
            _check_encoder(corpus, kind, spec.encode, read_encoder(workspace, vectors))
    return sources


def _check_encoder(corpus: str, kind: str, asked: EncodeSpec, used: EncodeSpec) -> None:
    # By default it is the one that encoded the texts, whichever that is.
    if asked not in (EncodeSpec(), used):
        raise UserError(
            f"the {kind} texts of {corpus} were encoded by {used.weights or used.encoder}: omit"
            f" --encoder, or encode them anew with `reelflow annotate {corpus} --with {kind}"
            f" --encoder {asked.encoder}`"
        )


def name_sources(sources: Sources, spec: AnswerSpec) -> dict[str, str]:
    """The fingerprints of the stages of texts and of their vectors, by kind.

    Where texts have no vectors, the digest of the encoder that makes them for the questions.
    """
    named = {}
    for kind, (texts, vectors) in sources.items():
        encoder = load_plugin("retrieve.encoders", spec.encode.encoder)
        of_vectors = vectors.fingerprint if vectors else encoder.digest(spec.encode)
        named[kind] = f"{texts.fingerprint}+{of_vectors}"
    return named


@dataclass
class TextStore:
    """Texts by content, of the contents that are asked about; read once a run."""

    spec: AnswerSpec
    by_content: dict[str, list[TextPart]] = field(default_factory=dict)
    seen: dict[str, set[str]] = field(default_factory=dict)  # contents looked through, by kind
    broken: dict[str, str] = field(default_factory=dict)  # contents whose texts cannot be read

    def list_lacks(self, item: VideoQuestions) -> tuple[str, ...]:
        """The kinds of text for which a video was not looked through, or in vain."""
        content = item.video.content
        return tuple(kind for kind, contents in self.seen.items() if content not in contents)

    def find_parts(self, item: VideoQuestions) -> tuple[TextPart, ...]:
        """The texts of a video; for `shuffled` those of the next one that has some."""
        content = item.video.content
        if self.spec.texts != "shuffled":
            # Copies of one content have its texts, each under its own id.
            own = self.by_content.get(content, ())
            return tuple(replace(part, video=item.video.id) for part in own)
        others = sorted(each for each in self.by_content if each != content)
        if not others:
            return ()
        after = next((each for each in others if each > content), others[0])
        return tuple(self.by_content[after])


def load_texts(
    workspace: Workspace, corpus: str, spec: AnswerSpec, sources: Sources,
    items: Collection[VideoQuestions],
) -> TextStore:  # fmt: skip
    """Reads the texts of these videos, of the shards that have them."""
    contents = {item.video.content: item.video.id for item in items if item.video.uri}
    store = TextStore(spec)
    for kind, (texts, vectors) in sources.items():
        with workspace.open_synced_catalog(corpus) as catalog:
            rows = catalog.execute(
                load_sql("text_locations"), corpus=corpus, stage=texts.kind,
                fingerprint=texts.fingerprint, contents=list(contents),
            )  # fmt: skip
        store.seen[kind] = {content for content, _, _ in rows}
        done = set(list_done(workspace.store, vectors.folder)) if vectors else set()
        for shard in sorted({shard for _, shard, _ in rows}):
            try:
                _load_shard(workspace, store, contents, texts, vectors, shard, shard in done)
            except (pa.ArrowException, OSError) as error:  # cut off, or gone
                why = f"the {kind} texts of shard {shard} cannot be read: {error}"
                own = {content for content, name, _ in rows if name == shard}
                store.broken |= dict.fromkeys(own, why)
                store.seen[kind] -= own  # so that answers are another run once they are mended
    return store


def _load_shard(
    workspace: Workspace, store: TextStore, contents: dict[str, str], texts: Stage,
    encoded: Stage | None, shard: str, is_done: bool,
) -> None:  # fmt: skip
    files = workspace.store
    rows = list(read_texts(files, layout.shard_file(texts.folder, shard)))
    name = layout.shard_file(encoded.folder, shard) if encoded and is_done and rows else ""
    vectors = read_vectors(files, name) if name and files.exists(name) else None
    encode = read_spec(files, encoded, EncodeSpec) if encoded else store.spec.encode
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        if row.content in contents:
            places.setdefault(row.content, []).append(place)
    for content, own in places.items():
        chosen: tuple[StoredText, ...] = tuple(rows[place] for place in own)
        kept = None if vectors is None else vectors[np.array(own)]
        part = TextPart(contents[content], encode, chosen, kept)
        store.by_content.setdefault(content, []).append(part)
