"""The index stage's task: build or extend, measure, and publish only what passes the gate."""

import shutil
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
from data.catalog.database import sql
from data.errors import UserError
from data.outcome import Done
from data.records import Prompt
from data.shards.lists import names
from data.shards.stages import Stage, spec_of, version_of
from data.specs.pipeline import EmbedSpec, IndexSpec
from data.store.temporary import Temporary
from data.workspace import Workspace
from engines.base import plugin
from engines.embed.text import TextEmbedder
from engines.index import growth, recall, version
from engines.index.kinds import flat
from engines.index.pooled_vectors import PooledVectors
from engines.runners.in_process import InProcessRunner
from tasks.index.parts import build_in_parts
from tasks.progress import say
from tasks.workers import gpus

CAPTIONS = 500  # text queries that recall is measured with


@task(name="build-index", cache_policy=NO_CACHE, persist_result=False)
def build_index(
    workspace: Workspace, embedded: Stage, pooled: Stage, stage: Stage, rebuild: bool = False
) -> dict[str, Any] | None:
    """What `index.json` says of the version published, or None where there was nothing to add.

    New vectors are added to the published version while its key allows and its recall holds;
    else all are indexed anew. Below the gate `BelowGate` is raised and the alias stays.
    """
    before = version_of(workspace.store, stage)
    values = _names(stage, pooled, before)
    with workspace.catalog() as catalog:
        merge.sync_index(catalog, workspace.store, stage.corpus, stage.fingerprint)
        new = catalog.execute(sql("unindexed"), **values)[0][0]
        stale = catalog.execute(sql("stale"), **values)[0][0]
        captions = [c for (c,) in catalog.execute(sql("captions"), sample=CAPTIONS, **values)]
    if not (new or stale or rebuild):
        return None
    texts = _texts(spec_of(workspace.store, embedded, EmbedSpec), captions)
    work = _Build(workspace, pooled, stage, texts)
    grown = before and not (stale or rebuild) and work.extend(before, new)
    about = grown or work.anew()
    with workspace.catalog() as catalog:
        merge.sync_index(catalog, workspace.store, stage.corpus, stage.fingerprint)
    return about


def _names(stage: Stage, pooled: Stage, before: str | None) -> dict[str, Any]:
    return {
        "corpus": stage.corpus, "pool": pooled.fingerprint,
        "fingerprint": stage.fingerprint, "version": before or "",
    }  # fmt: skip


def _texts(spec: EmbedSpec, captions: list[str]) -> np.ndarray | None:
    """(n, dim) unit vectors of captions; None where there are none."""
    if not captions:
        return None
    runner = InProcessRunner()
    prompts = [Prompt(str(i), caption) for i, caption in enumerate(captions)]
    outcomes = runner.map(partial(TextEmbedder, spec), prompts, 64)
    return np.stack([o.value for o in outcomes if isinstance(o, Done)])


class _Build:
    """One attempt at a new version."""

    def __init__(
        self, workspace: Workspace, pooled: Stage, stage: Stage, texts: np.ndarray | None
    ) -> None:
        self.workspace, self.pooled, self.stage, self.texts = workspace, pooled, stage, texts
        self.spec = spec_of(workspace.store, stage, IndexSpec)
        self.engine = plugin("index.kinds", self.spec.engine)

    def anew(self) -> dict[str, Any]:
        """Indexes everything; raises below the gate."""
        with self._folder() as folder:
            built = self._whole(folder) if self.spec.parts == 1 else self._in_parts(folder)
            figures = self._measured(folder)
            recall.gate(figures, self.spec.gate)
            return self._publish(folder / "new", figures, built.count)

    def _whole(self, folder: Path) -> version.Built:
        options, every = _options(self.engine, self.spec), self._vectors(None).batches()
        return self.engine.build(every, folder / "new", options, probes=self.texts)

    def _in_parts(self, folder: Path) -> version.Built:
        if self.spec.index_key is None:
            raise UserError("an index in parts needs a key with lists: add --key IVF1024,Flat")
        vectors = self._vectors(None)
        return build_in_parts(vectors, folder / "new", self.spec, self.workspace.settings)

    def extend(self, before: str, new: int) -> dict[str, Any] | None:
        """Adds what is new to the published version; None where that would be the worse index."""
        with self._folder() as folder:
            old = open_version(self.workspace, self.stage, before, folder / "old")
            said = version.described(old)
            options = _options(self.engine, self.spec)
            now = self.engine.key_for(said.count + new, said.dim, options)
            if growth.needs_retraining(said.count, said.count + new, said.key, now=now):
                return None
            growth.grow(old, self._vectors(before).batches(), folder / "new")
            figures = self._measured(folder)
            try:
                recall.gate(figures, self.spec.gate)
            except recall.BelowGate as error:
                say(f"indexing anew, since adding was {error}")
                return None
            return self._publish(folder / "new", figures, said.count + new)

    def _vectors(self, before: str | None) -> PooledVectors:
        """Pooled vectors of contents that are current and, given a version, not in it."""
        with self.workspace.catalog() as catalog:
            values = _names(self.stage, self.pooled, before)
            rows = catalog.execute(sql("left_out"), **values)
        out = frozenset(content for (content,) in rows)
        shards = names(self.workspace.store, self.pooled.folder, "receipts")
        return PooledVectors(self.workspace.store, self.pooled.folder, tuple(shards), out)

    def _measured(self, folder: Path) -> dict[str, float]:
        """Recall@10 of the new version against exact search over the same vectors."""
        flat.build(self._vectors(None).batches(), folder / "exact")
        new, exact = self.engine.open(folder / "new"), flat.open(folder / "exact")
        return recall.figures(new, exact, texts=self.texts)

    def _publish(self, built: Path, figures: dict[str, float], count: int) -> dict[str, Any]:
        """Moves the version into the store, then switches the alias to it."""
        store, folder = self.workspace.store, self.stage.folder
        sources = {"pool": self.pooled.fingerprint, "vectors": count}
        version.note(built, {"recall_at_10": figures, "gate": self.spec.gate, "sources": sources})
        name = f"v{len(_versions(self.workspace, self.stage)) + 1:04d}"
        files = sorted(built.iterdir(), key=lambda f: f.name == version.ABOUT)  # index.json last
        for file in files:
            with store.create(f"{folder}/{name}/{file.name}") as out, file.open("rb") as read:
                shutil.copyfileobj(read, out, 1 << 22)
        store.write(f"{folder}/current", name.encode())
        return {"version": name, **version.read_about(built)}

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """A folder to build in, gone afterwards; in the store where other machines take part."""
        shared = "://" in self.workspace.settings.dask_scheduler
        inside = self.workspace.store.local(self.stage.folder) if shared else None
        made = TemporaryDirectory(prefix=".building-", dir=inside) if inside else Temporary()
        with made as folder:
            yield Path(folder)


def open_version(workspace: Workspace, stage: Stage, name: str, copy: Path) -> Path:
    """The folder of a published version; from a remote store it is fetched into `copy`."""
    folder = f"{stage.folder}/{name}"
    if workspace.store.is_local:
        return workspace.store.local(folder)
    copy.mkdir(parents=True)
    for file in workspace.store.names(folder):
        (copy / file.rsplit("/", 1)[-1]).write_bytes(workspace.store.read(file))
    return copy


def _versions(workspace: Workspace, stage: Stage) -> list[str]:
    """Those that are whole; the next one overwrites what a killed run left of one."""
    found = workspace.store.names(stage.folder)
    return [name for name in found if workspace.store.exists(f"{name}/{version.ABOUT}")]


def _options(engine: Any, spec: IndexSpec) -> Any:
    if engine is flat:
        return flat.Options()
    return engine.Options(
        index_key=spec.index_key,
        max_index_memory_usage=spec.max_memory,
        seed=spec.seed,
        use_gpu=gpus() > 0,
        recall_aim=max(spec.gate, 0.98),
    )
