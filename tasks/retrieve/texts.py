"""Searches what was said, written and seen in a corpus's videos: hits are moments."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from data.catalog.database import catalog_path, load_sql
from data.catalog.filters import select_videos
from data.errors import UserError
from data.records import Hit, Prompt
from data.shards.lists import list_done
from data.shards.stages import Stage
from data.specs.encode import EncodeSpec
from data.specs.retrieve import RetrieveSpec
from data.store import layout
from data.store.texts import StoredText, explain_broken, read_texts
from data.workspace import Workspace
from engines.annotate.encoding import read_vectors
from engines.base import load_plugin
from engines.retrieve.fusion import fuse_ranks, rank_items
from engines.retrieve.text_rules import score_texts
from engines.retrieve.words import WordIndex
from tasks.annotate.encode import find_encoded, read_encoder
from tasks.annotate.stage import find_annotated
from tasks.progress import notify

Videos = dict[str, tuple[str, str, str | None]]  # by content: id, URI, caption
RANKED = 200  # of each ranking that are fused, or `k` where that is more


@dataclass(frozen=True, slots=True)
class TextHit:
    """A moment in which a text was found; `words` is its BM25 score, `meaning` its cosine."""

    rank: int
    score: float
    video_id: str
    start_sec: float
    end_sec: float
    kind: str
    text: str
    words: float
    meaning: float
    uri: str
    caption: str | None


class TextSearcher:
    """The texts of a corpus, open for questions; `unencoded` counts those without a vector.

    `unread` says of files that are cut off or gone what is wrong; the others are searched. A
    UserError where not one can be read. Texts and their vectors are held in memory: 2 KB a text.
    """

    def __init__(self, workspace: Workspace, corpus: str, kinds: list[str] | None) -> None:
        self.workspace, self.corpus = workspace, workspace.check_corpus(corpus)
        self.texts: list[StoredText] = []
        self.unencoded = 0
        self.unread: dict[str, str] = {}
        self._parts: list[tuple[slice, EncodeSpec, np.ndarray]] = []
        for stage in find_annotated(workspace, corpus, kinds):
            self._load_stage(stage)
        if self.unread and not self.texts:
            raise UserError(next(iter(self.unread.values())))
        self._words = WordIndex([each.text for each in self.texts])
        self._videos = self._find_videos()
        self._lookups: dict[tuple[tuple[str, ...], tuple[str, ...]], Videos] = {}
        self._encoders: dict[EncodeSpec, Any] = {}
        self.shortages: dict[str, int] = {}
        self.unmatched: list[str] = []

    def search_prompts(self, prompts: Sequence[Prompt], spec: RetrieveSpec) -> list[Hit]:
        """The k best moments of each prompt, as hits of a table; `shortages` as a retriever's.

        A UserError for what a search in texts has no use for, such as the spec's ceiling.
        """
        if spec != RetrieveSpec(k=spec.k, where=spec.where, exclude=spec.exclude):
            raise UserError("a search in texts knows k, where and exclude: leave out the others")
        hits: list[Hit] = []
        for prompt in prompts:
            wheres = tuple(each for each in (spec.where, prompt.where) if each is not None)
            found = self.search(prompt.text, spec.k, wheres, spec.exclude)
            if short := spec.k - len(found):
                self.shortages[prompt.id] = short
            hits += [
                Hit(prompt.id, prompt.text, hit.rank, hit.video_id, hit.score, hit.uri,
                    hit.caption, hit.start_sec, hit.end_sec)
                for hit in found
            ]  # fmt: skip
        return hits

    def search(
        self, query: str, k: int, wheres: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
    ) -> list[TextHit]:
        """The k best moments, best first, of all videos or of those that meet every condition.

        Excluded are videos by id, with their copies. A UserError for a query without words.
        """
        if not query.strip():
            raise UserError("there is no text to search for: write what was said or shown")
        videos = self._videos
        if wheres or exclude:
            if (wheres, exclude) not in self._lookups:  # a file of prompts asks once
                self._lookups[wheres, exclude] = self._select(wheres, exclude)
            videos = self._lookups[wheres, exclude]
            if not videos:
                self.unmatched += [" and ".join(wheres)] if wheres else []
        allowed = np.array([each.content in videos for each in self.texts], bool)
        words = np.where(allowed, self._words.score(query), 0.0)
        meaning = np.where(allowed, self._compare(query), -np.inf)
        most = max(RANKED, k)
        rankings = rank_items(words, most, above=0.0), rank_items(meaning, most)
        fused, hits = fuse_ranks(rankings, len(self.texts)), []
        for rank, n in enumerate(rank_items(fused, k, above=0.0).tolist(), start=1):
            cosine = float(meaning[n]) if np.isfinite(meaning[n]) else 0.0
            scores = float(fused[n]), float(words[n]), cosine
            hits.append(_build_hit(rank, self.texts[n], videos[self.texts[n].content], scores))
        return hits

    def _load_stage(self, stage: Stage) -> None:
        store, encoded = self.workspace.store, find_encoded(self.workspace, stage)
        done = set(list_done(store, encoded.folder)) if encoded else set()
        encoder = read_encoder(self.workspace, encoded) if encoded else None
        for shard in list_done(store, stage.folder):
            name, before, found = layout.shard_file(stage.folder, shard), len(self.texts), []
            with self._pass_over(name):
                found = list(read_texts(store, name))
                self.texts += found
                self.unencoded += len(found)
            if found and encoded and encoder and shard in done:
                name = layout.shard_file(encoded.folder, shard)
                with self._pass_over(name):
                    vectors = read_vectors(store, name)
                    self._parts.append((slice(before, len(self.texts)), encoder, vectors))
                    self.unencoded -= len(found)

    @contextmanager
    def _pass_over(self, name: str) -> Iterator[None]:
        """Notes what is wrong with a file that cannot be read, and goes on."""
        try:
            yield
        except (pa.ArrowException, OSError) as error:  # cut off, or gone
            self.unread[name] = explain_broken(name, error)
            notify(self.unread[name])

    def _compare(self, query: str) -> np.ndarray:
        """Cosines (n,) of all texts to the query; -inf where there is no vector."""
        cosines = np.full(len(self.texts), -np.inf, np.float32)
        queries: dict[EncodeSpec, np.ndarray] = {}
        for rows, spec, vectors in self._parts:
            if spec not in queries:
                queries[spec] = self._open_encoder(spec).encode([query])
            cosines[rows] = score_texts(queries[spec], vectors.astype(np.float32))
        return cosines

    def _open_encoder(self, spec: EncodeSpec) -> Any:
        if spec not in self._encoders:
            self._encoders[spec] = load_plugin("retrieve.encoders", spec.encoder).Encoder(spec)
            self._encoders[spec].load()
        return self._encoders[spec]

    def _find_videos(self) -> Videos:
        """The id, URI and caption of each content that may be shown."""
        contents = sorted({each.content for each in self.texts})
        with self.workspace.open_synced_catalog(self.corpus) as catalog:
            rows = catalog.execute(
                load_sql("videos_by_content"), corpus=self.corpus, contents=contents
            )
        return {content: (id, uri, caption) for content, id, uri, caption in rows}

    def _select(self, wheres: tuple[str, ...], exclude: tuple[str, ...]) -> Videos:
        """The video to show of each content that meets the conditions: the usual, else another."""
        path = catalog_path(self.workspace.store, self.workspace.settings.catalog)
        wait_s, contents = self.workspace.settings.wait_s, sorted(self._videos)
        with select_videos(path, self.corpus, wheres or ("true",), wait_s, contents) as videos:
            rows = videos.project("content, id, uri, caption").order("id").fetchall()
        excluded = {content for content, id, *_ in rows if id in exclude}
        kept: Videos = {}
        for content, *video in rows:
            usual = self._videos.get(content)
            is_usual = usual is not None and video[0] == usual[0]
            if content not in excluded and (is_usual or content not in kept):
                kept[content] = (video[0], video[1], video[2])
        return kept


def _build_hit(
    rank: int, text: StoredText, video: tuple[str, str, str | None],
    scores: tuple[float, float, float],
) -> TextHit:  # fmt: skip
    (fused, words, meaning), (id, uri, caption) = scores, video
    return TextHit(
        rank, fused, id, text.start, text.end, text.kind, text.text, words, meaning, uri, caption
    )
