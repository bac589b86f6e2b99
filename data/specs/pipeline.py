"""The specs of a pipeline's stages, and the fingerprint that names what they make."""

import hashlib
import json
from typing import Any, Literal

from pydantic import Field, model_validator

from data.specs.base import Spec
from data.specs.models import AUTO, add_implied
from data.specs.motion import MotionSpec
from data.specs.retrieve import RetrieveSpec

Precision = Literal["fp32", "bf16", "fp16"]
MAX_DAMAGED = 0.1


class EmbedSpec(Spec):
    """How frames are sampled and embedded."""

    engine: str = "open_clip"
    """Embedding engine: open_clip; tags, which needs no download; or fake, for a rehearsal."""
    model: str = AUTO
    """open_clip architecture, e.g. ViT-L-14; auto: the corpus's, at first ViT-B-32."""
    weights: str | None = None
    """Path of a weights file, or a published tag; auto and ViT-B-32: laion2b_s34b_b79k."""
    precision: Precision = "bf16"
    """Compute precision of the model."""
    activation: Literal["auto", "gelu", "quickgelu"] = "auto"
    """Activation function of the model; auto: the one that the weights were trained with."""
    decoder: str = "pyav"
    """Video decoder, a plugin of engines/video/decoders."""
    every_nth: int | None = Field(25, ge=1)
    """Embed every nth frame: 0, n, 2n …; leave empty to sample by fps."""
    fps: float | None = Field(None, gt=0)
    """Embed this many frames per second of video, instead of every nth."""
    # Left out at their defaults: a spec without them keeps its fingerprint.
    keyframes: bool = Field(False, exclude_if=lambda on: not on)
    """Embed the frames that the encoder marked as keyframes; none between them is decoded. A span
    that has none is embedded by its first frame."""
    adaptive: float | None = Field(None, gt=0, exclude_if=lambda epsilon: epsilon is None)
    """Embed 2, 4, 8 … frames spread over a video until their mean moves by less than this cosine
    distance, e.g. 0.005."""
    max_frames: int | None = Field(None, ge=1)
    """Embed at most this many frames per video; all if left out."""
    # Left out at its default: a spec without it keeps its fingerprint.
    max_damaged: float = Field(
        MAX_DAMAGED, ge=0, le=1, exclude_if=lambda share: share == MAX_DAMAGED
    )
    """Largest share of a video's packets that may be damaged, 0–1; with more it fails as
    undecodable. 0 fails every video with a damaged packet."""

    _add_implied = model_validator(mode="before")(staticmethod(add_implied))

    @model_validator(mode="after")
    def one_way_of_sampling(self) -> "EmbedSpec":
        # Both would contradict each other; neither says how many frames there are.
        given = (self.every_nth, self.fps, self.keyframes or None, self.adaptive)
        if sum(each is not None for each in given) != 1:
            raise ValueError("set exactly one of every_nth, fps, keyframes and adaptive")
        return self


# How clip-video-encode makes vectors, unless its user says otherwise.
CLIP_VIDEO_ENCODE = EmbedSpec(
    model="ViT-B-32", weights="openai", precision="fp16", activation="quickgelu"
)


class PoolSpec(Spec):
    """How a video's frame vectors are pooled into one vector."""

    method: str = "mean"
    """Pooling method, a plugin of engines/pool/methods."""


class IndexSpec(Spec):
    """How the vector index is built and when it is published."""

    engine: str = "autofaiss"
    """Index type: autofaiss (approximate), or flat (exact search)."""
    index_key: str | None = None
    """faiss index factory string, e.g. HNSW32; chosen by size and memory if left out."""
    max_memory: str = "16G"
    """Memory that the index may use at search time, e.g. 16G."""
    seed: int = 0
    """Random seed of the build."""
    parts: int = Field(1, ge=1)
    """Build in this many Dask tasks; above 1 the index type must have lists (IVF…)."""
    gate: float = Field(0.95, ge=0, le=1)
    """Minimum recall@10 for a new index version to be published, 0–1."""


Compat = Literal["wrapped_pixels", "raw_tokens", "stretched", "absent_as_grey", "shared_noise",
                 "frame_stride"]  # fmt: skip


class RagSpec(Spec):
    """How retrieved clips condition generation. Defaults are RAGME's, with its bugs fixed."""

    init: float = Field(1.0, ge=0, le=1)
    """RagInit strength: share of the clips' mean latent in the initial noise, 0–1."""
    start: float = Field(1.0, gt=0, le=1)
    """Fraction of the denoising steps to run, 0–1; below 1 more of the clips shows through."""
    guidance: float | None = Field(None, ge=0)
    """Guidance scale of the clips; if left out they share the text's, as in RAGME."""
    weights: Literal["equal", "score", "best"] = "equal"
    """How clips are weighted in the initial noise: equally, by score, or only the best one
    (an average of clips barely moves)."""
    token_every: int = Field(3, ge=1)
    """Use every nth frame of a clip's window as a conditioning token."""
    compat: tuple[Compat, ...] = ()
    """Bugs of the published code to reproduce (docs/generation.md), for checkpoints with them."""


class GenerateSpec(Spec):
    """How videos are generated. Defaults are RAGME's, on ZeroScope."""

    engine: str = "ragme"
    """Generator: ragme, motionrag, diffusers, or fake for a rehearsal without a model."""
    base: str | None = None
    """Base model: a diffusers folder or name; the bundled model if left out."""
    controller: str | None = None
    """What conditions on clips: a controller's folder, the bundled one if left out; of motionrag
    its release's folder."""
    precision: Precision = "bf16"
    """Compute precision of the model."""
    width: int = Field(448, ge=8)
    """Width of the videos, in pixels."""
    height: int = Field(256, ge=8)
    """Height of the videos, in pixels."""
    frames: int = Field(12, ge=1)
    """Number of frames per video."""
    fps: float = Field(8, gt=0)
    """Playback rate of the videos, in frames per second."""
    steps: int = Field(50, ge=1)
    """Number of denoising steps."""
    guidance: float = Field(10.0, ge=0)
    """Guidance scale of the text prompt."""
    negative: str = ""
    """Negative prompt: what the videos should not show."""
    samples: int = Field(1, ge=1)
    """Number of videos per prompt."""
    seed: int = Field(42, ge=0)
    """Random seed; the same seed, prompt and clips give the same video."""
    vae_tiling: bool = False
    """Decode latents in tiles: needs less memory and changes pixels slightly."""
    shuffled: bool = False
    """Give each prompt the clips retrieved for another one, as an experiment's control."""
    retrieve: RetrieveSpec = RetrieveSpec()
    """Which clips to retrieve."""
    rag: RagSpec = RagSpec()
    """How the clips condition the video."""
    motion: MotionSpec = Field(MotionSpec(), exclude_if=lambda motion: motion == MotionSpec())
    """How the clips' motion conditions the video, with the generator motionrag."""

    @model_validator(mode="after")
    def _check_motion(self) -> "GenerateSpec":
        if self.motion != MotionSpec() and self.engine not in ("motionrag", "fake"):
            raise ValueError(f"{self.engine} takes no motion options: use --generator motionrag")
        return self


class ExperimentSpec(Spec):
    """Parameters of the experiment "does retrieval help?", at 0 to `retrieve.k` clips."""

    generate: GenerateSpec
    """Model, shape of the videos, and the largest number of clips."""
    controllers: tuple[str, ...]
    """Controllers to compare, by path or name."""
    metrics: tuple[str, ...] = ("moving_shapes",)
    """Metrics to compute, as in an evaluation."""


def fingerprint(spec: Spec, version: str, *inputs: str) -> str:
    """12 hex digits of SHA-256 over the spec, its engine's version, and what it was made from.

    `inputs` are digests of weights and fingerprints of earlier stages.
    """
    paths: Any = {"weights": True, "base": True, "controller": True, "clip": {"weights"}}
    if isinstance(spec, GenerateSpec) and spec.motion.source is not None:
        paths |= {"motion": {"source"}}  # its content is in the digests
    # Of motion features, whose inputs have the digests of both.
    paths |= {"video_encoder": True, "image_encoder": True}
    # Paths differ between machines; gate and keep choose among results, and change none.
    fields = spec.model_dump(exclude=paths | {"gate": True, "keep": True})
    if isinstance(spec, IndexSpec):
        fields["parts"] = 1  # in how many parts it is built; as it was hashed by default
    said = {"kind": type(spec).__name__, "spec": fields, "version": version, "inputs": inputs}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
