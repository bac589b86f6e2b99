"""Searching a published index: for one text at the terminal, or for a file of prompts."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from data.catalog import merge
from data.catalog.database import catalog_path, sql
from data.catalog.filters import chosen
from data.errors import UserError
from data.outcome import Done
from data.records import Hit, Prompt
from data.shards.stages import Stage, current, recorded, version_of
from data.specs.pipeline import RetrieveSpec
from data.store.temporary import Temporary
from data.workspace import Workspace
from engines.base import plugin
from engines.embed.text import TextEmbedder
from engines.index import version
from engines.retrieve.search import search
from engines.runners.in_process import InProcessRunner
from tasks.index.build import open_version
from tasks.stages import same_weights

Shortages = dict[str, int]


class Bank:
    """A corpus's published index, open for queries; `shortages`: by how many who fell short."""

    def __init__(self, workspace: Workspace, corpus: str) -> None:
        self.workspace, self.corpus = workspace, workspace.known(corpus)
        self.stage, self.version = published(workspace, corpus)
        with workspace.catalog() as catalog:
            merge.sync_corpus(catalog, workspace.store, corpus)
        self._temporary = Temporary()
        folder = open_version(workspace, self.stage, self.version, Path(self._temporary.name) / "v")
        engine = recorded(workspace.store, self.stage)["spec"]["engine"]
        self.index = plugin("index.kinds", engine).open(folder)
        ids = pq.read_table(folder / version.IDS, columns=["content"])
        self.contents = np.array(ids.column("content").to_pylist(), dtype=object)
        embedded = current(workspace.store, corpus, "embed")
        assert embedded is not None
        self._embedded = embedded
        self._runner = InProcessRunner()
        self.shortages: Shortages = {}

    def by_text(self, prompts: Sequence[Prompt], spec: RetrieveSpec) -> list[Hit]:
        """The k best videos of each prompt, in the prompts' order.

        A prompt's own condition holds on top of the spec's.
        """
        vectors = self.text_vectors(prompts)
        found: dict[str, list[Hit]] = {prompt.id: [] for prompt in prompts}
        for where in dict.fromkeys(prompt.where for prompt in prompts):
            at = [n for n, prompt in enumerate(prompts) if prompt.where == where]
            some = [prompts[n] for n in at]
            for hit in self._hits(some, vectors[at], spec, [None] * len(some), where):
                found[hit.prompt_id].append(hit)
        return [hit for hits in found.values() for hit in hits]

    def by_video(self, ids: Sequence[str], spec: RetrieveSpec) -> list[Hit]:
        """The k videos most like each of these, themselves excluded."""
        rows = self.index.rows(list(ids))
        absent = [id for id, row in zip(ids, rows, strict=True) if row < 0]
        if absent:
            raise UserError(f"video {absent[0]!r} is not in the index of {self.corpus}")
        prompts = [Prompt(id, id) for id in ids]
        return self._hits(prompts, self.index.vectors(rows), spec, list(ids))

    def text_vectors(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """(n, dim) float32 unit vectors, one per prompt."""
        spec = same_weights(self.workspace, self._embedded)
        outcomes = self._runner.map(partial(TextEmbedder, spec), prompts, batch=64)
        vectors = np.stack([o.value for o in outcomes if isinstance(o, Done)])
        if vectors.shape[1] != self.index.dim:
            raise UserError(
                f"the model gives {vectors.shape[1]} dimensions, the index has {self.index.dim}:"
                f" name the model that made it and run `reelflow run {self.corpus}` again"
            )
        return vectors

    def _hits(
        self,
        prompts: Sequence[Prompt],
        vectors: np.ndarray,
        spec: RetrieveSpec,
        own: list[str | None],
        where: str | None = None,
    ) -> list[Hit]:
        wheres = [each for each in (spec.where, where) if each is not None]
        allowed, known = self._allowed(wheres, spec.exclude)
        index: Any = _Exact(self.index) if spec.exact else self.index
        found = search(
            index, vectors, spec.k,
            ceiling=spec.ceiling, dedup=spec.dedup, mmr=spec.mmr, exclude=own,
            allowed=allowed,
        )  # fmt: skip
        known = known or self.known([self.contents[n.row] for f in found for n in f.neighbours])
        self.shortages |= {
            p.id: f.short_by for p, f in zip(prompts, found, strict=True) if f.short_by
        }
        return [
            Hit(p.id, p.text, n.rank, *_said(known[self.contents[n.row]], n.score))
            for p, f in zip(prompts, found, strict=True)
            for n in f.neighbours
        ]

    def _allowed(
        self, wheres: list[str], barred: tuple[str, ...]
    ) -> tuple[np.ndarray | None, dict[str, tuple]]:
        """Rows to choose among, and the video that each of their contents stands for."""
        if not wheres and not barred and not self._stale():
            return None, {}
        path = catalog_path(self.workspace.store, self.workspace.settings.catalog)
        with chosen(path, self.corpus, wheres, self.workspace.settings.wait_s) as videos:
            rows = videos.project("content, id, uri, caption").fetchall()
        known = {content: (id, uri, caption) for content, id, uri, caption in reversed(rows)}
        for content in self._copies(barred):
            known.pop(content, None)
        kept = [row for row, content in enumerate(self.contents) if content in known]
        return np.array(kept, np.int64), known

    def _copies(self, ids: Sequence[str]) -> list[str]:
        """The contents of these videos, whatever other ids have them too."""
        with self.workspace.catalog() as catalog:
            rows = catalog.execute(sql("contents"), corpus=self.corpus, ids=list(ids))
        return [content for _, content in rows]

    def _stale(self) -> bool:
        values = {"corpus": self.corpus, "version": self.version}
        with self.workspace.catalog() as catalog:
            found = catalog.execute(sql("stale"), fingerprint=self.stage.fingerprint, **values)
        return found[0][0] > 0

    def known(self, contents: Sequence[str]) -> dict[str, tuple]:
        """Id, uri and caption of the video that each content stands for, where one is shown."""
        with self.workspace.catalog() as catalog:
            rows = catalog.execute(sql("resolve"), corpus=self.corpus, contents=list(set(contents)))
        return {content: (id, uri, caption) for content, id, uri, caption in rows}


class _Exact:
    """An index that compares every row, whatever it was built as."""

    def __init__(self, index: Any) -> None:
        self._index, self.ids, self.vectors = index, index.ids, index.vectors

    def __len__(self) -> int:
        return len(self._index)

    def search(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None, effort: int
    ) -> tuple[np.ndarray, np.ndarray]:
        return self._index.scan(queries, k, allowed=allowed)


def _said(video: tuple, score: float) -> tuple[str, float, str, str | None]:
    id, uri, caption = video
    return id, score, uri, caption


def published(workspace: Workspace, corpus: str) -> tuple[Stage, str]:
    """The index that searches go to, and its version; a UserError where there is none."""
    stage = current(workspace.store, corpus, "index")
    newest = version_of(workspace.store, stage)
    if stage is None or newest is None:
        raise UserError(f"{corpus} has no index yet: make it with `reelflow run {corpus}`")
    return stage, newest
