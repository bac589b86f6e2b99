"""Which specs a corpus uses now: each stage's alias, followed from embed to index."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from data.specs.pipeline import Spec, fingerprint
from data.store import layout
from data.store.storage import Store

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a corpus under one spec."""

    corpus: str
    kind: str
    fingerprint: str

    @property
    def folder(self) -> str:
        return layout.stage(self.corpus, self.kind, self.fingerprint)


def register(
    store: Store, corpus: str, kind: str, spec: Spec, version: str, *inputs: str,
    shadow: bool = False,
) -> Stage:  # fmt: skip
    """The stage that this spec names, recorded in the store and made the corpus's current one.

    A `shadow` is filled beside the current one, and becomes current only where there is none.
    """
    stage = Stage(corpus, kind, fingerprint(spec, version, *inputs))
    said = {"kind": kind, "spec": spec.model_dump(), "version": version, "inputs": inputs}
    if not store.exists(layout.spec(stage.folder)):
        store.write(layout.spec(stage.folder), json.dumps(said, indent=2).encode())
    alias = layout.current(corpus, kind)
    now = current(store, corpus, kind)
    if now is None or (now != stage and not shadow):
        store.write(alias, stage.fingerprint.encode())
    return stage


def current(store: Store, corpus: str, kind: str) -> Stage | None:
    """The corpus's current stage of a kind, where there is one made from the current one before."""
    stage, before = _named(store, corpus, kind), {"pool": "embed", "index": "pool"}.get(kind)
    if stage is None or before is None:
        return stage
    source = current(store, corpus, before)
    made_from = recorded(store, stage)["inputs"]
    return stage if source and source.fingerprint in made_from else None


def recorded(store: Store, stage: Stage) -> dict[str, Any]:
    """What `register` wrote: kind, spec, version, inputs."""
    return json.loads(store.read(layout.spec(stage.folder)))


def spec_of(store: Store, stage: Stage, kind: type[S]) -> S:
    """The spec that a stage was made with."""
    return kind.model_validate(recorded(store, stage)["spec"])


def spec_in_use(store: Store, corpus: str, kind: str, usual: S) -> S:
    """The spec that the corpus was last brought through a stage with; the usual where none was."""
    stage = _named(store, corpus, kind)
    return spec_of(store, stage, type(usual)) if stage else usual


def _named(store: Store, corpus: str, kind: str) -> Stage | None:
    """The stage that a corpus's alias names, whatever it was made from."""
    alias = layout.current(corpus, kind)
    if not store.exists(alias):
        return None
    return Stage(corpus, kind, store.read(alias).decode().strip())


def version_of(store: Store, stage: Stage | None) -> str | None:
    """The published version of an index, where there is one."""
    if stage is None or not store.exists(f"{stage.folder}/current"):
        return None
    return store.read(f"{stage.folder}/current").decode().strip()


def over(store: Store, stage: Stage, kind: str) -> Stage | None:
    """The stage of the next kind that is made from this one, the current one where it is."""
    found = []
    for folder in store.names(f"{layout.corpus(stage.corpus)}/{kind}"):
        each = Stage(stage.corpus, kind, folder.rsplit("/", 1)[-1])
        there = store.exists(layout.spec(folder))
        if there and stage.fingerprint in recorded(store, each)["inputs"]:
            found.append(each)
    now = current(store, stage.corpus, kind)
    return now if now in found else next(iter(found), None)


def switch(store: Store, index: Stage, pool: Stage, embed: Stage) -> None:
    """Makes these the corpus's current stages; cut short, the same call completes it.

    The index goes first: until the last alias is written no search mixes old and new.
    """
    for stage in (index, pool, embed):
        store.write(layout.current(stage.corpus, stage.kind), stage.fingerprint.encode())
