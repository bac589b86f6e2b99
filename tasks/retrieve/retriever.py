"""Searches a corpus's published index by text or by video."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.catalog import merge
from data.catalog.database import catalog_path, load_sql
from data.errors import UserError
from data.records import Hit, Prompt, Query
from data.shards.stages import current_stage, read_spec_record
from data.specs.pipeline import RetrieveSpec
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace
from engines.base import load_plugin
from engines.embed.text import to_unit_length
from engines.retrieve.exact import ExactSearch
from engines.retrieve.search import Barred
from tasks.index.versions import fetch_version, find_index
from tasks.retrieve.duplicates import add_near_duplicates, list_group_contents
from tasks.retrieve.lookups import Lookups
from tasks.retrieve.matches import match_videos
from tasks.retrieve.moments import MomentFinder
from tasks.retrieve.own_videos import list_own_contents
from tasks.retrieve.prompt_vectors import EmbedPrompts, PromptEmbedder, require_width
from tasks.retrieve.query_groups import search_groups
from tasks.retrieve.same_source import exclude_same
from tasks.retrieve.selection import Selection, select_rows

Shortages = dict[str, int]


class Retriever:
    """A corpus's published index, open for queries.

    `shortages` counts, by query, how many hits were missing of the k requested; `unmatched` lists
    the conditions that no video meets. Raises a UserError if the corpus has no index.
    `embed` makes vectors of prompts by a loaded model; None loads one here.
    """

    def __init__(
        self, workspace: Workspace, corpus: str, embed: EmbedPrompts | None = None
    ) -> None:
        self.workspace, self.corpus = workspace, workspace.check_corpus(corpus)
        self.stage, self.version = find_index(workspace, corpus)
        with workspace.open_catalog() as catalog:
            merge.sync_corpus(catalog, workspace.store, corpus)
        # An index of a remote store is downloaded: the copy lives as long as the retriever.
        self._temporary = TemporaryFolder()
        folder = fetch_version(
            workspace, self.stage, self.version, Path(self._temporary.name) / "v"
        )
        engine = read_spec_record(workspace.store, self.stage)["spec"]["engine"]
        self.index = load_plugin("index.kinds", engine).open_index(folder)
        self.contents = self.index.contents
        embedded = current_stage(workspace.store, corpus, "embed")
        assert embedded is not None  # there is an index over it
        self._embed = embedded
        self._embed_prompts = embed or PromptEmbedder(workspace)
        self.shortages: Shortages = {}
        self.unmatched: list[str] = []
        self._lookups = Lookups(catalog_path(workspace.store, workspace.settings.catalog))
        self._moments = MomentFinder(workspace, embedded)

    def follow(self, workspace: Workspace) -> None:
        """Looks up videos in the catalogue of this workspace from now on."""
        self.workspace = self._moments.workspace = workspace
        self._lookups = Lookups(catalog_path(workspace.store, workspace.settings.catalog))

    def search_prompts(self, prompts: Sequence[Prompt], spec: RetrieveSpec) -> list[Hit]:
        """Returns the k best videos of each prompt, in the order of the prompts.

        A prompt's own condition applies in addition to the spec's. Raises a UserError for a
        prompt without text, whose vector would mean nothing.
        """
        return self.search_for(prompts, to_unit_length(self.embed_prompts(prompts)), spec)

    def search_for(
        self, prompts: Sequence[Prompt], vectors: np.ndarray, spec: RetrieveSpec
    ) -> list[Hit]:
        """Returns the k best videos of each prompt by its unit vector in `vectors` (n, dim)."""
        queries = [Query(prompt.id, prompt.text, prompt.where) for prompt in prompts]
        if spec.own is not None:
            own = list_own_contents(self.workspace, self.corpus, prompts, spec)
            return search_groups(self.search_vectors, queries, vectors, spec, own)
        queries = exclude_same(self.workspace, self.corpus, queries, spec.not_from_same, prompts)
        return search_groups(self.search_vectors, queries, vectors, spec)

    def search_videos(self, ids: Sequence[str], spec: RetrieveSpec) -> list[Hit]:
        """Returns the k videos most similar to each of these, excluding the query itself."""
        contents, vectors = self.read_vectors(ids)
        queries = [Query(id, id, video=id) for id in ids]
        queries = exclude_same(self.workspace, self.corpus, queries, spec.not_from_same)
        own: Sequence[Barred] = contents
        if spec.exclude_groups:
            own = add_near_duplicates(self.workspace, self.corpus, ids, contents)
        return search_groups(self.search_vectors, queries, vectors, spec, own)

    def read_vectors(self, ids: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """The contents of videos, and their unit vectors (n, dim); a UserError if one has none."""
        # By what the videos are now: an id may have had another content when it was indexed.
        contents = self.workspace.find_contents(self.corpus, ids)
        rows = self.index.rows([contents.get(id, "") for id in ids])
        missing = [id for id, row in zip(ids, rows, strict=True) if row < 0]
        if missing:
            raise UserError(
                f"video {missing[0]!r} is not in the index of {self.corpus}: give the id of a"
                f" video of the corpus, and run `reelflow run {self.corpus}` if it is new"
            )
        return [contents[id] for id in ids], self.index.vectors(rows)

    def embed_prompts(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """Embeds the prompts as (n, dim) float32 vectors, as the model gives them.

        Raises a UserError for a prompt without a text, and if the model's weights have changed.
        """
        if empty := [prompt.id for prompt in prompts if not prompt.text.strip()]:
            raise UserError(f"there is no text in prompt {empty[0]}: describe what to find")
        vectors = self._embed_prompts(self._embed, prompts)
        require_width(self.workspace, self._embed, vectors, self.index.dim)
        return vectors

    def search_vectors(
        self,
        queries: Sequence[Query],
        vectors: np.ndarray,
        spec: RetrieveSpec,
        wheres: Sequence[str | None] = (),
        own: Sequence[Barred] | None = None,
    ) -> list[Hit]:
        """Returns the hits of unit vectors (n, dim), one for each query, that meet all conditions.

        A query's `own` contents are never among its hits, whatever ids those have.
        """
        given = [each for each in (spec.where, *wheres) if each is not None]
        selection = self._select_rows(given) if given else None
        if selection and not selection.videos:
            self.unmatched.append(" and ".join(given))
        index: Any = ExactSearch(self.index) if spec.exact else self.index
        search = self._moments.match if spec.moments else match_videos
        results = search(
            index, vectors, spec, own=own, allowed=selection.rows if selection else None,
            hidden=self._find_hidden(spec),
        )  # fmt: skip
        contents = [match.content for matches in results for match in matches]
        videos = self.find_videos(contents)
        if selection:
            videos = selection.choose_videos(contents, videos)
        hits = []
        for query, matches in zip(queries, results, strict=True):
            if len(matches) < spec.k:
                self.shortages[query.id] = spec.k - len(matches)
            for rank, match in enumerate(matches, start=1):
                id, uri, caption = videos[match.content]
                span = match.start_sec, match.end_sec
                excluded = None if own is None else match.excluded
                hits.append(Hit(query.id, query.text, rank, id, match.score, uri, caption, *span,
                                excluded))  # fmt: skip
        return hits

    def _find_hidden(self, spec: RetrieveSpec) -> np.ndarray:
        """Finds the rows that must not be hits: of excluded videos, and those no longer shown.

        The latter are few, since many make the next build start anew: searches skip them.
        """
        stale = self._lookups.find("stale", self._find_stale)
        if not spec.exclude:
            return stale
        # By content, so that copies under other ids are excluded too.
        contents = list(self.workspace.find_contents(self.corpus, spec.exclude).values())
        if spec.exclude_groups:
            contents += list_group_contents(self.workspace, self.corpus, spec.exclude)
        return np.concatenate([stale, self.index.rows(contents)])

    def _find_stale(self) -> np.ndarray:
        values = {"corpus": self.corpus, "version": self.version}
        with self.workspace.open_catalog() as catalog:
            rows = catalog.execute(
                load_sql("stale_contents"), fingerprint=self.stage.fingerprint, **values
            )
        contents = [content for (content,) in rows]
        return self.index.rows(contents) if contents else np.array([], np.int64)

    def _select_rows(self, wheres: list[str]) -> Selection:
        def select() -> Selection:
            return select_rows(self.workspace, self.corpus, wheres, self.index.content_column)

        return self._lookups.find(repr(wheres), select)

    def find_videos(self, contents: Sequence[str]) -> dict[str, tuple]:
        """Finds the id, URI and caption of each content's video, if one may be shown."""
        return self.workspace.find_by_content(self.corpus, contents)
