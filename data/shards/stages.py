"""The stages of a corpus: which spec each uses now, by aliases from embed to index."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from data.specs.base import Spec
from data.specs.pipeline import fingerprint
from data.store import layout
from data.store.storage import Store

S = TypeVar("S", bound=Spec)

ANNOTATE = "annotate-"  # and the kind of texts, as in annotate-speech
INDEX_OF_FRAMES = "frame-index"
MOTION_FEATURES, CAPTION_VECTORS = "motion-features", "caption-vectors"
SOURCES = {"pool": "embed", "index": "pool", INDEX_OF_FRAMES: "embed"}  # what each is made from


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a corpus under one spec."""

    corpus: str
    kind: str
    fingerprint: str

    @property
    def folder(self) -> str:
        """The folder of its artifacts in the store."""
        return layout.stage_folder(self.corpus, self.kind, self.fingerprint)


def register_stage(
    store: Store, corpus: str, kind: str, spec: Spec, version: str, *inputs: str,
    shadow: bool = False,
) -> Stage:  # fmt: skip
    """The stage that a spec names; records it in the store and makes it the corpus's current one.

    `inputs` are what it is made from: fingerprints of earlier stages, digests of weights. A
    `shadow` is filled beside the current stage, and becomes current only if there is none.
    """
    stage = Stage(corpus, kind, fingerprint(spec, version, *inputs))
    record = {"kind": kind, "spec": spec.model_dump(), "version": version, "inputs": inputs}
    # What the fingerprint leaves out, such as a gate or where weights lie, follows the caller.
    exists = store.exists(layout.spec_file(stage.folder))
    if not exists or read_spec(store, stage, type(spec)) != spec:
        store.write(layout.spec_file(stage.folder), json.dumps(record, indent=2).encode())
    _remember_successor(store, stage, inputs)
    if current_stage(store, corpus, kind) is None or not shadow:
        make_current(store, stage)
    return stage


def make_current(store: Store, stage: Stage) -> None:
    """Makes a registered stage the corpus's current one of its kind."""
    if current_stage(store, stage.corpus, stage.kind) != stage:
        alias = layout.current_alias(stage.corpus, stage.kind)
        store.write(alias, stage.fingerprint.encode())


def _remember_successor(store: Store, stage: Stage, inputs: tuple[str, ...]) -> None:
    """Notes beside each stage that this one is made from, that it was the last to be used over it.

    Fingerprints have no order: whoever switches back to that stage gets what was used over it.
    """
    if stage.kind in SOURCES:
        for source in inputs:
            folder = layout.stage_folder(stage.corpus, SOURCES[stage.kind], source)
            if store.exists(layout.spec_file(folder)):
                name = layout.successor_alias(folder, stage.kind)
                if not store.exists(name) or store.read(name).decode() != stage.fingerprint:
                    store.write(name, stage.fingerprint.encode())


def current_stage(store: Store, corpus: str, kind: str) -> Stage | None:
    """The corpus's current stage of a kind; None if there is none, or none for current inputs.

    An index counts only if it is made from the current pool stage, and that from the current
    embed stage: after a change of spec, older results must not be mixed with newer ones.
    """
    stage, source_kind = _aliased_stage(store, corpus, kind), SOURCES.get(kind)
    if stage is None or source_kind is None:
        return stage
    source = current_stage(store, corpus, source_kind)
    inputs = read_spec_record(store, stage)["inputs"]
    return stage if source and source.fingerprint in inputs else None


def read_spec_record(store: Store, stage: Stage) -> dict[str, Any]:
    """The record that `register_stage` wrote: kind, spec, version, inputs."""
    return json.loads(store.read(layout.spec_file(stage.folder)))


def read_spec(store: Store, stage: Stage, kind: type[S]) -> S:
    """The spec that a stage was made with."""
    return kind.model_validate(read_spec_record(store, stage)["spec"])


def spec_in_use(store: Store, corpus: str, kind: str, default: S) -> S:
    """The spec with which the corpus last went through a stage; the default if it never did."""
    stage = _aliased_stage(store, corpus, kind)
    return read_spec(store, stage, type(default)) if stage else default


def _aliased_stage(store: Store, corpus: str, kind: str) -> Stage | None:
    """The stage that a corpus's alias names, whatever its inputs."""
    alias = layout.current_alias(corpus, kind)
    if not store.exists(alias):
        return None
    return Stage(corpus, kind, store.read(alias).decode().strip())


def list_annotated(store: Store, corpus: str) -> list[str]:
    """The stages of annotators that a corpus has, such as annotate-speech."""
    names = (name.rsplit("/", 1)[-1] for name in store.list_names(layout.corpus_folder(corpus)))
    return [name for name in names if name.startswith(ANNOTATE)]


def published_version(store: Store, stage: Stage | None) -> str | None:
    """The published version of an index, such as "v0003"; None if there is none."""
    if stage is None or not store.exists(f"{stage.folder}/current"):
        return None
    return store.read(f"{stage.folder}/current").decode().strip()


def find_successor(store: Store, stage: Stage, kind: str) -> Stage | None:
    """The stage of the next kind made from this one: the current one, else the last one used."""
    successors = []
    for folder in store.list_names(f"{layout.corpus_folder(stage.corpus)}/{kind}"):
        candidate = Stage(stage.corpus, kind, folder.rsplit("/", 1)[-1])
        has_record = store.exists(layout.spec_file(folder))  # the alias lies beside them, without
        if has_record and stage.fingerprint in read_spec_record(store, candidate)["inputs"]:
            successors.append(candidate)
    current = current_stage(store, stage.corpus, kind)
    if current in successors:
        return current
    alias = layout.successor_alias(stage.folder, kind)
    if store.exists(alias):
        last = Stage(stage.corpus, kind, store.read(alias).decode())
        if last in successors:
            return last
    # Of stores that remember none: the one that was written to last.
    return max(successors, key=lambda each: store.modified_at(each.folder), default=None)


def switch_stages(store: Store, index: Stage, pool: Stage, embed: Stage) -> None:
    """Makes these the corpus's current stages; after a kill the same call completes it.

    The index goes first: until the last alias is written it does not count, see `current_stage`,
    so that no search mixes old and new vectors.
    """
    for stage in (index, pool, embed):
        store.write(layout.current_alias(stage.corpus, stage.kind), stage.fingerprint.encode())
