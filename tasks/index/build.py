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
from data.shards.stages import INDEX_OF_FRAMES, Stage, published_version, read_spec
from data.specs.pipeline import EmbedSpec, IndexSpec
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace
from engines.base import load_plugin
from engines.embed.text import TextEmbedder, to_unit_length
from engines.index import factory, growth, recall, version
from engines.index.ground_truth import read_truth
from engines.index.kinds import flat
from engines.runners.in_process import InProcessRunner
from tasks.index.measure import Measurement
from tasks.index.parts import build_in_parts
from tasks.index.vectors import FrameSource, PooledSource, VectorSource, query_values
from tasks.index.versions import fetch_version, publish_version
from tasks.progress import notify
from tasks.workers import count_gpus

CAPTIONS = 500  # text queries that recall is measured with
MIN_RECALL_AIM = 0.98  # searches are tuned to this at least, however low the gate is
MAX_STALE = 0.05  # share of rows that may be of videos no longer shown: searches skip them


@task(name="build-index", cache_policy=NO_CACHE, persist_result=False)
def build_index(
    workspace: Workspace, embedded: Stage, made_by: Stage, stage: Stage, rebuild: bool = False
) -> dict[str, Any] | None:
    """Publishes a version of the index; its `index.json`, or None where nothing has changed.

    It is made by the pool stage, or of frames by the embed stage itself.

    New vectors are added to the published version while its key and its recall allow it; else all
    vectors are indexed anew. Raises `BelowGate`, and leaves the alias, where recall is too low.
    """
    before = published_version(workspace.store, stage)
    source = (FrameSource if stage.kind == INDEX_OF_FRAMES else PooledSource)(
        workspace, stage, made_by
    )
    values = query_values(stage, made_by, before)
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        new = catalog.execute(load_sql("count_unindexed"), **values)[0][0]
        stale = [content for (content,) in catalog.execute(load_sql("stale_contents"), **values)]
        captions = catalog.execute(load_sql("sample_captions"), sample=CAPTIONS, **values)
    # Vectors cannot be removed from an index: with many stale ones it is built anew.
    outworn = before is not None and len(stale) > MAX_STALE * source.count_videos(before)
    if not (new or outworn or rebuild):
        return None
    spec = read_spec(workspace.store, embedded, EmbedSpec)
    texts = _embed_captions(spec, [caption for (caption,) in captions])
    build = _IndexBuild(workspace, source, stage, texts)
    extended = before and not (outworn or rebuild) and build.extend_version(before, stale)
    record = extended or build.build_anew()
    with workspace.open_catalog() as catalog:
        merge.sync_index(catalog, workspace.store, stage.corpus, stage.fingerprint, stage.kind)
    return record


def _embed_captions(spec: EmbedSpec, captions: list[str]) -> np.ndarray | None:
    """The (n, dim) unit vectors of captions; None without captions."""
    if not captions:
        return None
    runner = InProcessRunner()
    prompts = [Prompt(str(i), caption) for i, caption in enumerate(captions)]
    outcomes = runner.map(partial(TextEmbedder, spec), prompts, 64)
    return to_unit_length(np.stack([o.value for o in outcomes if isinstance(o, Done)]))


class _IndexBuild:
    """One attempt at building and publishing a new version."""

    def __init__(
        self, workspace: Workspace, source: VectorSource, stage: Stage, texts: np.ndarray | None
    ) -> None:
        self.workspace, self.source, self.stage, self.texts = workspace, source, stage, texts
        self.spec = read_spec(workspace.store, stage, IndexSpec)
        self.engine = load_plugin("index.kinds", self.spec.engine)
        self.options = _build_options(self.engine, self.spec)

    def build_anew(self) -> dict[str, Any]:
        """Builds a version of all vectors; raises `BelowGate` where its recall is too low."""
        self._check_key()
        with self._open_folder() as folder:
            build = self._build_whole if self.spec.parts == 1 else self._build_in_parts
            built = build(folder, self.options)
            self.source.finish(folder / "new")
            figures = self._measurement(folder).measure_whole()
            return self._publish_version(folder / "new", figures, built.count)

    def _check_key(self) -> None:
        """Raises for a key that cannot be built or searched, before all vectors are read."""
        if self.spec.index_key and self.engine is not flat:
            first = next((batch for batch in self.source.list_all().batches() if batch.ids), None)
            if first is not None:
                factory.empty_index(first.vectors.shape[1], self.spec.index_key)

    def _build_whole(self, folder: Path, options: Any) -> version.BuiltVersion:
        batches = self.source.list_all().batches()
        return self.engine.build(batches, folder / "new", options, probes=self.texts)

    def _build_in_parts(self, folder: Path, options: Any) -> version.BuiltVersion:
        if self.spec.index_key is None:
            raise UserError(
                "an index in parts needs a key with inverted lists: add --key IVF1024,Flat"
            )
        return build_in_parts(
            self.source.list_all(), folder / "new", self.spec, self.workspace.settings,
            aim=options.recall_aim, probes=self.texts,
        )  # fmt: skip

    def extend_version(self, before: str, stale: list[str]) -> dict[str, Any] | None:
        """Adds new vectors to a copy of the published version; None where a new build is better."""
        with self._open_folder() as folder:
            old = fetch_version(self.workspace, self.stage, before, folder / "old")
            index = self.engine.open_index(old)
            if index.has_repetitions:
                return None
            vectors = self.source.list_new(before, index)
            count = len(index) + vectors.count
            key = self.engine.key_for(count, index.dim, self.options)
            # More vectors may ask for another key, or for more lists than were trained.
            if growth.needs_retraining(growth.count_trained(index), count, index.key, now=key):
                return None
            growth.grow_index(index, vectors.batches(), folder / "new")
            truth = read_truth(old)
            gone = self.source.name_rows(index, stale) if stale else []
            try:
                figures = self._measurement(folder).measure_grown(truth, vectors, gone)
            except recall.BelowGate as error:
                # The lists were trained on older vectors: new training may well pass the gate.
                notify(f"building a new index; the extended one was {error}")
                return None
            return self._publish_version(folder / "new", figures, count - len(gone))

    def _measurement(self, folder: Path) -> Measurement:
        new = self.engine.open_index(folder / "new")
        return Measurement(folder, new, self.source.list_all, self.texts, self.spec.gate)

    def _publish_version(self, built: Path, figures: dict[str, Any], count: int) -> dict[str, Any]:
        """Records the recall and sources of a version, and publishes it; its `index.json`."""
        made_by = self.source.made_by
        sources = {made_by.kind: made_by.fingerprint, "vectors": count}
        version.update_about(built, {**figures, "gate": self.spec.gate, "sources": sources})
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
