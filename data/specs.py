"""Specs: everything that changes a result, and the fingerprint that names it."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Precision = Literal["fp32", "bf16", "fp16"]


class Spec(BaseModel):
    """Frozen; equal specs give equal results, whatever the machine or the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EmbedSpec(Spec):
    """How frame vectors are made.

    `weights` is a published tag, a path to a weights file, or None for the bundled ones; what is
    hashed is the digest of the file, never its path.
    """

    engine: str = "open_clip"
    model: str = "reelflow-tiny"
    weights: str | None = None
    precision: Precision = "bf16"
    activation: Literal["auto", "gelu", "quickgelu"] = "auto"
    decoder: str = "pyav"
    every_nth: int | None = Field(25, ge=1)
    fps: float | None = Field(None, gt=0)
    max_frames: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def one_way_of_sampling(self) -> "EmbedSpec":
        if (self.every_nth is None) == (self.fps is None):
            raise ValueError("set exactly one of every_nth and fps")
        return self


class PoolSpec(Spec):
    """How the frame vectors of a video become one."""

    method: str = "mean"


class IndexSpec(Spec):
    """How the index is built; `gate` is the least recall@10 at which a version is published.

    `parts` above 1 builds it in as many Dask tasks; `index_key` then names one with lists (IVF…).
    """

    engine: str = "autofaiss"
    index_key: str | None = None
    max_memory: str = "16G"
    seed: int = 0
    parts: int = Field(1, ge=1)
    gate: float = Field(0.95, ge=0, le=1)


class RetrieveSpec(Spec):
    """How videos are chosen for a query: `ceiling` bounds similarity from above (RAGME's `radius`).

    Pairs more alike than `dedup` count as one video. `mmr` is the weight of similarity to the
    query against unlikeness among the chosen (1: none). Videos in `exclude`, by id, and copies of
    them are never chosen. Defaults are RAGME's for text queries.
    """

    k: int = Field(5, ge=0)
    ceiling: float = 1.01
    dedup: float = 0.98
    mmr: float | None = Field(None, ge=0, le=1)
    where: str | None = None
    exact: bool = False
    # Left out where it is empty: a spec without it keeps its fingerprint.
    exclude: tuple[str, ...] = Field((), exclude_if=lambda ids: not ids)


VIDEO_QUERIES = RetrieveSpec(ceiling=0.99, dedup=0.94)

Compat = Literal["wrapped_pixels", "raw_tokens", "stretched", "absent_as_grey", "shared_noise"]


class RagSpec(Spec):
    """How retrieved clips condition a video. Defaults are RAGME's; its faults are mended.

    `init` is the strength of the clips' mean latents in the initial noise (RagInit; 0: plain
    noise), `start` the share of the steps that is run (below 1, more of the clips shows through).
    `guidance` is a scale of the retrieval's own (None: retrieval in both branches of the text
    guidance, as RAGME). Clips weigh the same, or by their scores, or the noise has the best of them
    alone: the mean of clips that move differently does not move. One frame in `token_every` of a
    clip's window becomes a token. `compat` brings back faults a checkpoint may have been trained
    with: see docs/generation.md.
    """

    init: float = Field(1.0, ge=0, le=1)
    start: float = Field(1.0, gt=0, le=1)
    guidance: float | None = Field(None, ge=0)
    weights: Literal["equal", "score", "best"] = "equal"
    token_every: int = Field(3, ge=1)
    compat: tuple[Compat, ...] = ()


class GenerateSpec(Spec):
    """How videos are generated: `base` and `controller` are paths, names, or None: the bundled.

    What is hashed of them is their digests. `width` and `height` are in pixels, `guidance` is the
    scale of the text. `shuffled` gives every prompt the clips that another one found: the control
    of an experiment. Defaults are RAGME's, on ZeroScope.
    """

    engine: str = "ragme"
    base: str | None = None
    controller: str | None = None
    precision: Precision = "bf16"
    width: int = Field(448, ge=8)
    height: int = Field(256, ge=8)
    frames: int = Field(12, ge=1)
    fps: float = Field(8, gt=0)
    steps: int = Field(50, ge=1)
    guidance: float = Field(10.0, ge=0)
    negative: str = ""
    samples: int = Field(1, ge=1)
    seed: int = Field(42, ge=0)
    vae_tiling: bool = False
    shuffled: bool = False
    retrieve: RetrieveSpec = RetrieveSpec()
    rag: RagSpec = RagSpec()


class ExperimentSpec(Spec):
    """Does retrieval help: what is generated at 0 to `retrieve.k` clips, and how it is measured."""

    generate: GenerateSpec
    controllers: tuple[str, ...]
    metrics: tuple[str, ...] = ("moving_shapes",)


def fingerprint(spec: Spec, version: str, *inputs: str) -> str:
    """12 hex digits of SHA-256 over the spec, its engine's version, and what it was made from.

    `inputs` are digests of weights and fingerprints of earlier stages.
    """
    paths: Any = {"weights": True, "base": True, "controller": True, "clip": {"weights"}}
    fields = spec.model_dump(exclude=paths | {"gate": True})
    said = {"kind": type(spec).__name__, "spec": fields, "version": version, "inputs": inputs}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
