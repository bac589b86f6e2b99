"""Searches what was said, written and seen in a corpus's videos: hits are moments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.catalog.database import load_sql
from data.errors import UserError
from data.shards.lists import list_done
from data.shards.stages import Stage, read_spec
from data.specs.encode import EncodeSpec
from data.store import layout
from data.store.texts import StoredText, read_texts
from data.workspace import Workspace
from engines.annotate.encoding import read_vectors
from engines.base import load_plugin
from engines.retrieve.fusion import fuse_ranks, rank_items
from engines.retrieve.text_rules import score_texts
from engines.retrieve.words import WordIndex
from tasks.annotate.encode import find_encoded
from tasks.annotate.stage import find_annotated

RANKED = 200  # of each ranking that are fused: what is below cannot come to the top


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

    Texts and their vectors are held in memory: 2 KB a text.
    """

    def __init__(self, workspace: Workspace, corpus: str, kinds: list[str] | None) -> None:
        self.workspace, self.corpus = workspace, workspace.check_corpus(corpus)
        self.texts: list[StoredText] = []
        self.unencoded = 0
        self._parts: list[tuple[slice, Stage, np.ndarray]] = []
        for stage in find_annotated(workspace, corpus, kinds):
            self._load_stage(stage)
        self._words = WordIndex([each.text for each in self.texts])
        self._videos = self._find_videos()
        self._shown = np.array([each.content in self._videos for each in self.texts], bool)

    def search(self, query: str, k: int, contents: set[str] | None = None) -> list[TextHit]:
        """The k best moments, best first, of all videos or of some contents.

        A UserError for a query without words.
        """
        if not query.strip():
            raise UserError("there is no text to search for: write what was said or shown")
        allowed = self._shown
        if contents is not None:
            allowed = allowed & np.array([each.content in contents for each in self.texts], bool)
        words = np.where(allowed, self._words.score(query), 0.0)
        meaning = np.where(allowed, self._compare(query), -np.inf)
        rankings = rank_items(words, RANKED, above=0.0), rank_items(meaning, RANKED)
        fused = fuse_ranks(rankings, len(self.texts))
        best = rank_items(fused, k, above=0.0)
        return [self._build_hit(rank, int(n), fused, words, meaning)
                for rank, n in enumerate(best, start=1)]  # fmt: skip

    def _load_stage(self, stage: Stage) -> None:
        store, encoded = self.workspace.store, find_encoded(self.workspace, stage)
        done = set(list_done(store, encoded.folder)) if encoded else set()
        for shard in list_done(store, stage.folder):
            before = len(self.texts)
            self.texts += read_texts(store, layout.shard_file(stage.folder, shard))
            if before == len(self.texts):
                continue
            if encoded is None or shard not in done:
                self.unencoded += len(self.texts) - before
                continue
            vectors = read_vectors(store, layout.shard_file(encoded.folder, shard))
            self._parts.append((slice(before, len(self.texts)), encoded, vectors))

    def _compare(self, query: str) -> np.ndarray:
        """Cosines (n,) of all texts to the query; -inf where there is no vector."""
        cosines = np.full(len(self.texts), -np.inf, np.float32)
        queries: dict[EncodeSpec, np.ndarray] = {}
        for rows, stage, vectors in self._parts:
            spec = read_spec(self.workspace.store, stage, EncodeSpec)
            if spec not in queries:
                encoder = load_plugin("retrieve.encoders", spec.encoder).Encoder(spec)
                encoder.load()
                queries[spec] = encoder.encode([query])
            cosines[rows] = score_texts(queries[spec], vectors.astype(np.float32))
        return cosines

    def _find_videos(self) -> dict[str, tuple[str, str, str | None]]:
        """The id, URI and caption of each content that may be shown."""
        contents = sorted({each.content for each in self.texts})
        with self.workspace.open_synced_catalog(self.corpus) as catalog:
            rows = catalog.execute(
                load_sql("videos_by_content"), corpus=self.corpus, contents=contents
            )
        return {content: (id, uri, caption) for content, id, uri, caption in rows}

    def _build_hit(
        self, rank: int, n: int, fused: Sequence[float], words: np.ndarray, meaning: np.ndarray
    ) -> TextHit:
        text = self.texts[n]
        id, uri, caption = self._videos[text.content]
        cosine = float(meaning[n]) if np.isfinite(meaning[n]) else 0.0
        return TextHit(
            rank, float(fused[n]), id, text.start, text.end, text.kind, text.text,
            float(words[n]), cosine, uri, caption,
        )  # fmt: skip
