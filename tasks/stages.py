"""Which stage a spec means: its fingerprint, from the engine's version and what it is made from."""

import json

from data.chain import Stage, current, recorded, register, spec_of
from data.errors import UserError
from data.specs import EmbedSpec, IndexSpec, PoolSpec
from data.workplace import Workplace
from engines.base import plugin
from engines.ragme import reading

ORIGIN = json.dumps(reading.ORIGIN)  # stands for the weights of vectors that were taken over


def embed_stage(place: Workplace, corpus: str, spec: EmbedSpec, shadow: bool = False) -> Stage:
    """The stage, made the corpus's current one unless as a shadow; weights enter by digest."""
    engine = plugin("embed", spec.engine)
    version, digest = engine.VERSION, engine.digest(spec)
    return register(place.store, corpus, "embed", spec, version, digest, shadow=shadow)


def same_weights(place: Workplace, stage: Stage) -> EmbedSpec:
    """The spec of an embed stage; a UserError where its weights are no longer what they were.

    Vectors that another system made carry no digest, and are trusted to be of the model named.
    """
    spec = spec_of(place.store, stage, EmbedSpec)
    inputs = recorded(place.store, stage)["inputs"]
    if ORIGIN not in inputs and plugin("embed", spec.engine).digest(spec) not in inputs:
        raise UserError(
            f"the weights of {spec.model} are no longer those that embedded {stage.corpus}:"
            f" put them back, or run `reelflow run {stage.corpus}` with these"
        )
    return spec


def pool_stage(place: Workplace, corpus: str, spec: PoolSpec) -> Stage:
    """The stage over the current embed stage, made the corpus's current one."""
    embedded = _before(place, corpus, "embed")
    version = plugin("pooling", spec.method).VERSION
    return register(place.store, corpus, "pool", spec, version, embedded.fingerprint)


def index_stage(place: Workplace, corpus: str, spec: IndexSpec) -> Stage:
    """The stage over the current pool stage, made the corpus's current one."""
    pooled = _before(place, corpus, "pool")
    version = plugin("index", spec.engine).VERSION
    return register(place.store, corpus, "index", spec, version, pooled.fingerprint)


def _before(place: Workplace, corpus: str, kind: str) -> Stage:
    stage = current(place.store, corpus, kind)
    if stage is None:
        raise UserError(f"{corpus} is not through {kind}: run `reelflow {kind} {corpus}` first")
    return stage
