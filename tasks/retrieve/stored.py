"""Searches vectors that a stage has of clips: of their captions, or of their motion."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from data.catalog import merge
from data.catalog.database import catalog_path, load_sql
from data.errors import UserError
from data.records import Hit, Prompt
from data.shards.lists import list_done
from data.shards.stages import CAPTION_VECTORS, Stage
from data.specs.retrieve import RetrieveSpec
from data.store import layout, tables
from data.store.motion_features import iter_features
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace
from engines.base import load_plugin
from engines.index.batches import Batch
from engines.index.kinds import flat
from engines.retrieve.text_rules import normalise
from tasks.captions.stage import require_captions
from tasks.motion.stage import require_features
from tasks.retrieve.lookups import Lookups
from tasks.retrieve.retriever import Retriever
from tasks.text_encoder import require_same_encoder


class StoredRetriever(Retriever):
    """An exact index of a stage's vectors, built where it is opened, by inner product."""

    def __init__(self, workspace: Workspace, corpus: str, stage: Stage) -> None:
        self.workspace, self.corpus, self.stage = workspace, workspace.check_corpus(corpus), stage
        with workspace.open_catalog() as catalog:  # another host may have ingested, or withdrawn
            merge.sync_corpus(catalog, workspace.store, corpus)
        self.version = count_version(workspace, stage)
        self._temporary = TemporaryFolder()
        batches = list(_read_vectors(workspace, stage))
        if not batches:
            raise UserError(
                f"{corpus} has no {stage.kind} yet: run `reelflow {stage.kind} {corpus}`"
            )
        # Built anew, as the stage grows: a flat index is a copy of its vectors, and no more.
        folder = Path(self._temporary.name) / "v"
        flat.build(batches, folder)
        self.index = flat.open_index(folder)
        self.contents = self.index.contents
        self.shortages, self.unmatched = {}, []
        self._lookups = Lookups(catalog_path(workspace.store, workspace.settings.catalog))

    def search_prompts(self, prompts: Sequence[Prompt], spec: RetrieveSpec) -> list[Hit]:
        """Returns the k best clips of each prompt; a UserError for moments: they have no vector."""
        if spec.moments:
            raise UserError(f"{self.stage.kind} are of whole clips: leave out --moments")
        return super().search_prompts(prompts, spec)

    def _find_stale(self) -> np.ndarray:
        shown = self.find_videos(self.contents.tolist())
        gone = [content not in shown for content in self.contents.tolist()]
        return np.flatnonzero(np.array(gone, bool))


class CaptionRetriever(StoredRetriever):
    """Compares captions with a prompt's own caption: of the same column, else its text."""

    def __init__(self, workspace: Workspace, corpus: str) -> None:
        stage, self._spec = require_captions(workspace, corpus)
        again = f"reelflow caption-vectors {corpus}"
        require_same_encoder(workspace, stage, self._spec.encode, again)
        super().__init__(workspace, corpus, stage)
        plugin = load_plugin("retrieve.encoders", self._spec.encode.encoder)
        self._encoder = plugin.Encoder(self._spec.encode)
        self._encoder.load()

    def embed_prompts(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """(n, dim) float32 vectors of the prompts' captions, as the encoder gives them."""
        column = self._spec.column
        texts = [(column and prompt.find_value(column)) or prompt.text for prompt in prompts]
        if empty := [p.id for p, text in zip(prompts, texts, strict=True) if not text.strip()]:
            raise UserError(f"there is no text in prompt {empty[0]}: describe what to find")
        # One by one, as the captions were encoded: a batch pads, and moves the last bits.
        vectors: np.ndarray = np.concatenate([self._encoder.encode([text]) for text in texts])
        return vectors


class MotionRetriever(StoredRetriever):
    """Compares how clips move with how the prompts' own videos do."""

    def __init__(self, workspace: Workspace, corpus: str) -> None:
        super().__init__(workspace, corpus, require_features(workspace, corpus))

    def search_prompts(self, prompts: Sequence[Prompt], spec: RetrieveSpec) -> list[Hit]:
        """Returns the k clips that move most like each prompt's own video."""
        ids = [prompt.find_value(spec.own or "") for prompt in prompts]
        if spec.own is None or not all(ids):
            raise UserError(
                "retrieval by motion starts from videos of the corpus: name the column of the"
                " prompts that has their ids with --own"
            )
        _, vectors = self.read_vectors([id or "" for id in ids])
        return self.search_for(prompts, normalise(vectors), spec)


def count_version(workspace: Workspace, stage: Stage) -> str:
    """The state of a stage that is searched: how many of its shards are done."""
    return f"s{len(list_done(workspace.store, stage.folder)):04}"


def _read_vectors(workspace: Workspace, stage: Stage) -> Iterator[Batch]:
    """Unit vectors of clips: of captions as stored, of motion the mean over its tokens."""
    store, newest = workspace.store, _find_newest(workspace, stage)
    for shard in list_done(store, stage.folder):
        name = layout.shard_file(stage.folder, shard)
        if not store.exists(name):  # nothing of it was done
            continue
        if stage.kind == CAPTION_VECTORS:
            table = tables.read_table(store, name)
            column = table.column("vector").combine_chunks()
            vectors = column.flatten().to_numpy().reshape(len(table), -1)
            ids, contents = (table.column(key).to_pylist() for key in ("video_id", "content"))
            kept = [n for n, content in enumerate(contents) if newest.get(content) == shard]
            vectors, ids = vectors[kept], [ids[n] for n in kept]
            contents = [contents[n] for n in kept]
            if not kept:  # of captions that have all changed
                continue
        else:
            # Clip by clip: of the tokens, 0.1 MB each, only means are needed.
            ids, contents, means = zip(
                *((id, content, clip.motion.astype(np.float32).mean(0))
                  for id, content, clip in iter_features(store, name, patches=False)),
                strict=True,
            )  # fmt: skip
            vectors = normalise(np.stack(means))
        yield Batch(list(ids), np.ascontiguousarray(vectors, np.float32), list(contents))


def _find_newest(workspace: Workspace, stage: Stage) -> dict[str, str]:
    """The shard that has the vector of each content's caption as it is now."""
    if stage.kind != CAPTION_VECTORS:
        return {}
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        rows = catalog.execute(
            load_sql("latest_outputs"), corpus=stage.corpus, stage=stage.kind,
            fingerprint=stage.fingerprint,
        )  # fmt: skip
    return dict(rows)
