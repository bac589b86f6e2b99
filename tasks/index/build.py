"""The index stage: builds or extends a version, measures it, and publishes what passes the gate."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import load_sql
from data.errors import UserError
from data.outcome import Done
from data.records import Prompt
from data.shards.lists import list_done
from data.shards.stages import Stage, published_version, read_spec
from data.specs.pipeline import EmbedSpec, IndexSpec
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace
from engines.base import load_plugin
from engines.embed.text import TextEmbedder
from engines.index import growth, recall, version
from engines.index.kinds import flat
from engines.index.pooled_vectors import PooledVectors
from engines.runners.in_process import InProcessRunner
from tasks.index.parts import build_in_parts
from tasks.index.versions import fetch_version, publish_version
from tasks.progress import notify
from tasks.workers import count_gpus

CAPTIONS = 500  # text queries that recall is measured with
MIN_RECALL_AIM = 0.98  # searches are tuned to this at least, however low the gate is


@task(name="build-index", cache_policy=NO_CACHE, persist_result=False)
def build_index(
    workspace: Workspace, embedded: Stage, pooled: Stage, stage: Stage, rebuild: bool = False
) -> dict[str, Any] | None:
    """Publishes a version of the index; its `index.json`, or None where nothing has changed.

    New vectors are added to the published version while its key and its recall allow it; else all
    vectors are indexed anew. Raises `BelowGate`, and leaves the alias, where recall is too low.
    """
    before = published_version(workspace.store, stage)
    values = _query_values(stage, pooled, before)
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        new = catalog.execute(load_sql("count_unindexed"), **values)[0][0]
        stale = catalog.execute(load_sql("count_stale"), **values)[0][0]
        captions = catalog.execute(load_sql("sample_captions"), sample=CAPTIONS, **values)
    if not (new or stale or rebuild):
        return None
    spec = read_spec(workspace.store, embedded, EmbedSpec)
    texts = _embed_captions(spec, [caption for (caption,) in captions])
    build = _IndexBuild(workspace, pooled, stage, texts)
    # Vectors cannot be removed from an index: one with stale videos has to be built anew.
    extended = before and not (stale or rebuild) and build.extend_version(before, new)
    record = extended or build.build_anew()
    with workspace.open_catalog() as catalog:
        merge.sync_index(catalog, workspace.store, stage.corpus, stage.fingerprint)
    return record


def _query_values(stage: Stage, pooled: Stage, before: str | None) -> dict[str, Any]:
    return {
        "corpus": stage.corpus, "pool": pooled.fingerprint,
        "fingerprint": stage.fingerprint, "version": before or "",
    }  # fmt: skip


def _embed_captions(spec: EmbedSpec, captions: list[str]) -> np.ndarray | None:
    """The (n, dim) unit vectors of captions; None without captions."""
    if not captions:
        return None
    runner = InProcessRunner()
    prompts = [Prompt(str(i), caption) for i, caption in enumerate(captions)]
    outcomes = runner.map(partial(TextEmbedder, spec), prompts, 64)
    return np.stack([outcome.value for outcome in outcomes if isinstance(outcome, Done)])


class _IndexBuild:
    """One attempt at building and publishing a new version."""

    def __init__(
        self, workspace: Workspace, pooled: Stage, stage: Stage, texts: np.ndarray | None
    ) -> None:
        self.workspace, self.pooled, self.stage, self.texts = workspace, pooled, stage, texts
        self.spec = read_spec(workspace.store, stage, IndexSpec)
        self.engine = load_plugin("index.kinds", self.spec.engine)

    def build_anew(self) -> dict[str, Any]:
        """Builds a version of all vectors; raises `BelowGate` where its recall is too low."""
        with self._open_folder() as folder:
            build = self._build_whole if self.spec.parts == 1 else self._build_in_parts
            built = build(folder)
            figures = self._measure_recall(folder)
            recall.check_gate(figures, self.spec.gate)
            return self._publish_version(folder / "new", figures, built.count)

    def _build_whole(self, folder: Path) -> version.BuiltVersion:
        options = _build_options(self.engine, self.spec)
        batches = self._list_vectors(None).batches()
        return self.engine.build(batches, folder / "new", options, probes=self.texts)

    def _build_in_parts(self, folder: Path) -> version.BuiltVersion:
        if self.spec.index_key is None:
            raise UserError(
                "an index in parts needs a key with inverted lists: add --key IVF1024,Flat"
            )
        vectors = self._list_vectors(None)
        return build_in_parts(vectors, folder / "new", self.spec, self.workspace.settings)

    def extend_version(self, before: str, new: int) -> dict[str, Any] | None:
        """Adds new vectors to a copy of the published version; None where a new build is better."""
        with self._open_folder() as folder:
            old = fetch_version(self.workspace, self.stage, before, folder / "old")
            published = version.describe_version(old)
            options = _build_options(self.engine, self.spec)
            count = published.count + new
            key = self.engine.key_for(count, published.dim, options)
            # More vectors may ask for another key, or for more lists than were trained.
            if growth.needs_retraining(published.count, count, published.key, now=key):
                return None
            growth.grow_index(old, self._list_vectors(before).batches(), folder / "new")
            figures = self._measure_recall(folder)
            try:
                recall.check_gate(figures, self.spec.gate)
            except recall.BelowGate as error:
                # The lists were trained on older vectors: new training may well pass the gate.
                notify(f"building a new index; the extended one was {error}")
                return None
            return self._publish_version(folder / "new", figures, count)

    def _list_vectors(self, before: str | None) -> PooledVectors:
        """The pooled vectors of current contents; given a version, of those that it lacks."""
        with self.workspace.open_catalog() as catalog:
            values = _query_values(self.stage, self.pooled, before)
            rows = catalog.execute(load_sql("contents_to_exclude"), **values)
        excluded = frozenset(content for (content,) in rows)
        shards = list_done(self.workspace.store, self.pooled.folder)
        return PooledVectors(self.workspace.store, self.pooled.folder, tuple(shards), excluded)

    def _measure_recall(self, folder: Path) -> dict[str, float]:
        """The recall@10 of the new version against exact search over the same vectors."""
        # Built anew from all vectors, so that rows lost in extending would lower the recall.
        flat.build(self._list_vectors(None).batches(), folder / "exact")
        new, exact = self.engine.open_index(folder / "new"), flat.open_index(folder / "exact")
        return recall.measure_recall(new, exact, texts=self.texts)

    def _publish_version(
        self, built: Path, figures: dict[str, float], count: int
    ) -> dict[str, Any]:
        """Records the recall and sources of a version, and publishes it; its `index.json`."""
        sources = {"pool": self.pooled.fingerprint, "vectors": count}
        version.update_about(
            built, {"recall_at_10": figures, "gate": self.spec.gate, "sources": sources}
        )
        name = publish_version(self.workspace, self.stage, built)
        return {"version": name, **version.read_about(built)}

    @contextmanager
    def _open_folder(self) -> Iterator[Path]:
        """Opens a temporary folder to build in."""
        # Dask workers on other machines write their parts into it: then it is in the store.
        shared = "://" in self.workspace.settings.dask_scheduler
        inside = self.workspace.store.local_path(self.stage.folder) if shared else None
        temporary = (
            TemporaryDirectory(prefix=".building-", dir=inside) if inside else TemporaryFolder()
        )
        with temporary as folder:
            yield Path(folder)


def _build_options(engine: Any, spec: IndexSpec) -> Any:
    if engine is flat:
        return flat.Options()
    return engine.Options(
        index_key=spec.index_key,
        max_index_memory_usage=spec.max_memory,
        seed=spec.seed,
        use_gpu=count_gpus() > 0,
        recall_aim=max(spec.gate, MIN_RECALL_AIM),
    )
