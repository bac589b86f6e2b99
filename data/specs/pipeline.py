"""Specs: everything that changes a result, and the fingerprint that names it."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Precision = Literal["fp32", "bf16", "fp16"]


class Spec(BaseModel):
    """Frozen; equal specs give equal results, whatever the machine or the settings.

    What stands under a field describes it, here and in the forms of Prefect's UI.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class EmbedSpec(Spec):
    """How frame vectors are made."""

    engine: str = "open_clip"
    """a plugin of engines/embed: open_clip, or fake for rehearsals"""
    model: str = "reelflow-tiny"
    """the model's name, as open_clip has it: ViT-B-32, ViT-L-14 …"""
    weights: str | None = None
    """a published tag or a file (hashed by its digest, never its path); the bundled if left out"""
    precision: Precision = "bf16"
    """what the model computes in"""
    activation: Literal["auto", "gelu", "quickgelu"] = "auto"
    """the model's activation; auto: the one that the weights were trained with"""
    decoder: str = "pyav"
    """a plugin of engines/video/decoders"""
    every_nth: int | None = Field(25, ge=1)
    """one frame in so many is embedded; leave out to sample by fps"""
    fps: float | None = Field(None, gt=0)
    """frames a second of video that are embedded; leave out to sample by every_nth"""
    max_frames: int | None = Field(None, ge=1)
    """of a video, at most; all if left out"""

    @model_validator(mode="after")
    def one_way_of_sampling(self) -> "EmbedSpec":
        if (self.every_nth is None) == (self.fps is None):
            raise ValueError("set exactly one of every_nth and fps")
        return self


class PoolSpec(Spec):
    """How the frame vectors of a video become one."""

    method: str = "mean"
    """a plugin of engines/pool/methods"""


class IndexSpec(Spec):
    """How the index is built."""

    engine: str = "autofaiss"
    """a plugin of engines/index: autofaiss, or flat, which is exact"""
    index_key: str | None = None
    """the kind of index, in faiss's language; chosen by size and memory if left out"""
    max_memory: str = "16G"
    """what the index may take when it is searched"""
    seed: int = 0
    """of whatever is drawn while building"""
    parts: int = Field(1, ge=1)
    """above 1: built in so many Dask tasks; index_key then names an index with lists (IVF…)"""
    gate: float = Field(0.95, ge=0, le=1)
    """the least recall@10 at which a version is published"""


class RetrieveSpec(Spec):
    """How videos are chosen for a query. Defaults are RAGME's for text queries."""

    k: int = Field(5, ge=0)
    """videos for each query"""
    ceiling: float = 1.01
    """the similarity above which a video is not chosen (RAGME's radius)"""
    dedup: float = 0.98
    """pairs more alike than this count as one video"""
    mmr: float | None = Field(None, ge=0, le=1)
    """the weight of similarity to the query against unlikeness among the chosen (1: none)"""
    where: str | None = None
    """a condition on the videos, as published >= '2024-01-01'"""
    exact: bool = False
    """compare with every video, not with those that the index proposes"""
    # Left out where it is empty: a spec without it keeps its fingerprint.
    exclude: tuple[str, ...] = Field((), exclude_if=lambda ids: not ids)
    """ids of videos that are never chosen, nor copies of them"""


VIDEO_QUERIES = RetrieveSpec(ceiling=0.99, dedup=0.94)

Compat = Literal["wrapped_pixels", "raw_tokens", "stretched", "absent_as_grey", "shared_noise"]


class RagSpec(Spec):
    """How retrieved clips condition a video. Defaults are RAGME's; its faults are mended."""

    init: float = Field(1.0, ge=0, le=1)
    """strength of the clips' mean latents in the initial noise (RagInit; 0: plain noise)"""
    start: float = Field(1.0, gt=0, le=1)
    """the share of the steps that is run: below 1, more of the clips shows through"""
    guidance: float | None = Field(None, ge=0)
    """a scale of the retrieval's own; in both branches of the text's, as RAGME, if left out"""
    weights: Literal["equal", "score", "best"] = "equal"
    """clips weigh the same, or by score; or the best alone is in the noise: a mean stands still"""
    token_every: int = Field(3, ge=1)
    """one frame in so many of a clip's window becomes a token"""
    compat: tuple[Compat, ...] = ()
    """faults that a checkpoint may have been trained with, brought back: see docs/generation.md"""


class GenerateSpec(Spec):
    """How videos are generated. Defaults are RAGME's, on ZeroScope."""

    engine: str = "ragme"
    """a plugin of engines/generate: ragme, diffusers, or fake for rehearsals"""
    base: str | None = None
    """the model: a path or a name, hashed by its digest; the bundled one if left out"""
    controller: str | None = None
    """what conditions on clips: a path or a name, hashed by its digest; the bundled if left out"""
    precision: Precision = "bf16"
    """what the model computes in"""
    width: int = Field(448, ge=8)
    """pixels"""
    height: int = Field(256, ge=8)
    """pixels"""
    frames: int = Field(12, ge=1)
    """of a video"""
    fps: float = Field(8, gt=0)
    """frames a second that a video plays at"""
    steps: int = Field(50, ge=1)
    """of denoising"""
    guidance: float = Field(10.0, ge=0)
    """the scale of the text"""
    negative: str = ""
    """what the videos should not show"""
    samples: int = Field(1, ge=1)
    """videos for each prompt"""
    seed: int = Field(42, ge=0)
    """the same seed, prompt and clips give the same video"""
    vae_tiling: bool = False
    """decode in tiles: less memory, slightly other pixels"""
    shuffled: bool = False
    """every prompt has the clips that another one found: the control of an experiment"""
    retrieve: RetrieveSpec = RetrieveSpec()
    """which clips are found"""
    rag: RagSpec = RagSpec()
    """how they condition the video"""


class ExperimentSpec(Spec):
    """Does retrieval help: what is generated at 0 to `retrieve.k` clips, and how it is measured."""

    generate: GenerateSpec
    """the model, the video's shape, and the most clips"""
    controllers: tuple[str, ...]
    """paths or names, each a condition"""
    metrics: tuple[str, ...] = ("moving_shapes",)
    """those of an evaluation"""


def fingerprint(spec: Spec, version: str, *inputs: str) -> str:
    """12 hex digits of SHA-256 over the spec, its engine's version, and what it was made from.

    `inputs` are digests of weights and fingerprints of earlier stages.
    """
    paths: Any = {"weights": True, "base": True, "controller": True, "clip": {"weights"}}
    fields = spec.model_dump(exclude=paths | {"gate": True})
    said = {"kind": type(spec).__name__, "spec": fields, "version": version, "inputs": inputs}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
