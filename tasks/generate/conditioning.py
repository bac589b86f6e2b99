"""Conditioning retrieval: the clips that each request of a run is conditioned on."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from data.catalog.database import load_sql
from data.catalog.merge import sync_withdrawn
from data.records import Hit, Request, Source
from data.runs.generations import PlannedRequest, Run
from data.workspace import Workspace
from tasks.generate.motion_source import find_motion_sources, name_source
from tasks.origins import warn_of_mismatch
from tasks.progress import notify
from tasks.retrieve.choose import PromptRetriever, open_retriever
from tasks.retrieve.own_videos import list_own_contents
from tasks.retrieve.same_source import require_column


class ConditioningRetrieval:
    """Retrieves the clips that each request follows; the index is opened when first needed.

    `rejections` are the reason and detail of prompts that are not tried, by id.
    """

    def __init__(
        self, workspace: Workspace, run: Run, rejections: Mapping[str, tuple[str, str]]
    ) -> None:
        self.workspace, self.run, self._rejections = workspace, run, dict(rejections)
        self._prompts = {prompt.id: prompt for prompt in run.prompts}
        self._unmatched: set[str] = set()
        self._swaps = self._swap_prompts() if run.spec.shuffled else {}

    @cached_property
    def retriever(self) -> PromptRetriever:
        warn_of_mismatch(self.workspace, self.run.corpus)
        spec = self.run.spec.retrieve
        require_column(self.run.prompts, spec.own or spec.not_from_same)
        return open_retriever(self.workspace, self.run.corpus, spec.by)

    @cached_property
    def _withdrawn(self) -> set[str]:
        """The contents of withdrawn videos."""
        with self.workspace.open_catalog() as catalog:
            sync_withdrawn(catalog, self.workspace.store, self.run.corpus)
            rows = catalog.execute(load_sql("withdrawn_contents"), corpus=self.run.corpus)
        return {content for (content,) in rows}

    def plan_requests(self, requests: Sequence[Request]) -> list[PlannedRequest]:
        """The requests with their hits, each prompt searched once."""
        # Samples of a prompt differ in their seed alone, and share its hits.
        prompts = dict.fromkeys(
            r.prompt_id for r in requests if r.prompt_id not in self._rejections
        )
        sources: dict[str, list[Source]] = {id: [] for id in prompts}
        index = None
        if self.run.spec.motion.takes_one:
            sources = self._name_sources(list(prompts))
        elif self.run.spec.retrieve.k and prompts:
            sources, index = self._find_sources(list(prompts)), self.retriever.version
        return [
            PlannedRequest(
                replace(request, sources=tuple(sources.get(request.prompt_id, ()))),
                index, self._rejections.get(request.prompt_id),
            )
            for request in requests
        ]  # fmt: skip

    def replace_withdrawn(self, items: Sequence[PlannedRequest]) -> list[PlannedRequest]:
        """The items, those that follow a video withdrawn since they were planned with new hits."""
        stale = [item.request for item in items if self._follows_withdrawn(item)]
        fresh = {item.id: item for item in self.plan_requests(stale)} if stale else {}
        return [fresh.get(item.id, item) for item in items]

    def _follows_withdrawn(self, item: PlannedRequest) -> bool:
        return any(source.content in self._withdrawn for source in item.request.sources)

    def _name_sources(self, ids: list[str]) -> dict[str, list[Source]]:
        """The one clip of each prompt, whose motion its video takes as it is.

        A prompt whose clip is gone, or was never there, is not tried: the others are.
        """
        names = {id: name_source(self.run.spec.motion, self._prompts[id]) for id in ids}
        found = find_motion_sources(self.workspace, self.run.corpus, set(names.values()))
        for id, name in names.items():
            if name not in found:
                detail = f"no file and no video of {self.run.corpus} {name!r} to take motion from"
                self._rejections[id] = ("missing", detail)
        return {id: [found[name]] for id, name in names.items() if name in found}

    def _find_sources(self, ids: list[str]) -> dict[str, list[Source]]:
        """The clips of each prompt, or those of the prompt whose clips it is given."""
        # The other prompt's text and condition under this prompt's id, which its hits come back by.
        queries = [replace(self._prompts[self._swaps.get(id, id)], id=id) for id in ids]
        spec, own = self.run.spec.retrieve, self._list_own(ids)
        more = max(map(len, own.values()), default=0)
        wider = spec.model_copy(update={"k": spec.k + more})
        hits = self.retriever.search_prompts(queries, wider)
        for where in sorted(set(self.retriever.unmatched) - self._unmatched):
            notify(f"no video of {self.run.corpus} meets the condition {where}: no clips for it")
        self._unmatched |= set(self.retriever.unmatched)
        sources: dict[str, list[Source]] = {id: [] for id in ids}
        for hit, source in zip(hits, self._resolve_hits(hits), strict=True):
            kept = sources[hit.prompt_id]
            if source.content not in own.get(hit.prompt_id, ()) and len(kept) < spec.k:
                kept.append(replace(source, rank=len(kept) + 1))
        return sources

    def _list_own(self, ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """What prompts that are given another's clips must not get: a search bars the other's."""
        spec = self.run.spec.retrieve
        if not self._swaps or spec.own is None:
            return {}
        prompts = [self._prompts[id] for id in ids]
        own = list_own_contents(self.workspace, self.run.corpus, prompts, spec)
        return dict(zip(ids, own, strict=True))

    def _resolve_hits(self, hits: list[Hit]) -> Iterator[Source]:
        ids = list({hit.video_id for hit in hits})
        with self.workspace.open_catalog() as catalog:
            rows = catalog.execute(load_sql("source_videos"), corpus=self.run.corpus, ids=ids)
        known = {id: (content, duration, fps) for id, content, duration, fps in rows}
        strides = "frame_stride" in self.run.spec.rag.compat
        for hit in hits:
            content, duration, fps = known[hit.video_id]
            yield Source(
                hit.rank, hit.video_id, content, hit.score, hit.uri, hit.caption, duration,
                fps if strides else None, hit.start_sec, hit.end_sec, hit.excluded,
            )  # fmt: skip

    def _swap_prompts(self) -> dict[str, str]:
        """For each prompt another one: the next in an order drawn by the run's seed."""
        ids = [prompt.id for prompt in self.run.prompts if prompt.id not in self._rejections]
        random.Random(self.run.spec.seed).shuffle(ids)
        return dict(zip(ids, ids[1:] + ids[:1], strict=True))
