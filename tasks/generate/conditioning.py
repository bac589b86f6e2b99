"""What each request is conditioned on: the best videos for its prompt, or for another's."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from data.catalog.database import sql
from data.catalog.merge import sync_withdrawn
from data.records import Hit, Request, Source
from data.runs.generations import Planned, Run
from data.workspace import Workspace
from tasks.retrieve.bank import Bank


class Finder:
    """Finds what each request is conditioned on; the bank is opened when it is first needed."""

    def __init__(
        self, workspace: Workspace, run: Run, refused: Mapping[str, tuple[str, str]]
    ) -> None:
        self.workspace, self.run, self._refused = workspace, run, refused
        self._texts = {prompt.id: prompt for prompt in run.prompts}
        self._asks = self._exchanged() if run.spec.shuffled else {}

    @cached_property
    def bank(self) -> Bank:
        return Bank(self.workspace, self.run.corpus)

    @cached_property
    def _gone(self) -> set[str]:
        """Contents that are withdrawn."""
        with self.workspace.catalog() as catalog:
            sync_withdrawn(catalog, self.workspace.store, self.run.corpus)
            found = catalog.execute(sql("withdrawn"), corpus=self.run.corpus)
        return {content for (content,) in found}

    def withdrawn(self, item: Planned) -> bool:
        """Whether the request is conditioned on a video withdrawn since it was planned."""
        return any(source.content in self._gone for source in item.request.sources)

    def planned(self, some: Sequence[Request]) -> tuple[Planned, ...]:
        """The requests with their hits, each prompt searched once."""
        willing = dict.fromkeys(r.prompt_id for r in some if r.prompt_id not in self._refused)
        sources: dict[str, list[Source]] = {id: [] for id in willing}
        index = None
        if self.run.spec.retrieve.k and willing:
            sources, index = self._sources(list(willing)), self.bank.version
        return tuple(
            Planned(
                replace(request, sources=tuple(sources.get(request.prompt_id, ()))),
                index, self._refused.get(request.prompt_id),
            )
            for request in some
        )  # fmt: skip

    def _sources(self, ids: list[str]) -> dict[str, list[Source]]:
        """What each prompt found, or in its place the prompt whose clips it is given."""
        asked = [replace(self._texts[self._asks.get(id, id)], id=id) for id in ids]
        hits = self.bank.by_text(asked, self.run.spec.retrieve)
        found: dict[str, list[Source]] = {id: [] for id in ids}
        for hit, source in zip(hits, self._known(hits), strict=True):
            found[hit.prompt_id].append(source)
        return found

    def _known(self, hits: list[Hit]) -> Iterator[Source]:
        ids = list({hit.video_id for hit in hits})
        with self.workspace.catalog() as catalog:
            rows = catalog.execute(sql("sources"), corpus=self.run.corpus, ids=ids)
        known = {id: (content, duration) for id, content, duration in rows}
        for hit in hits:
            content, duration = known[hit.video_id]
            yield Source(hit.rank, hit.video_id, content, hit.score, hit.uri, hit.caption, duration)

    def _exchanged(self) -> dict[str, str]:
        """For each prompt another one: the next in an order drawn by the run's seed."""
        ids = [prompt.id for prompt in self.run.prompts if prompt.id not in self._refused]
        random.Random(self.run.spec.seed).shuffle(ids)
        return dict(zip(ids, ids[1:] + ids[:1], strict=True))
