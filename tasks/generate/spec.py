"""The default spec of a run of generation, and the base model that it needs."""

from typing import Any

from data.errors import UserError
from data.shards.stages import spec_in_use
from data.specs.models import (
    AUTO,
    SHAPES,
    SHAPES_FROM_IMAGES,
    SHAPES_MOTION,
    describe_model,
)
from data.specs.pipeline import EmbedSpec, GenerateSpec, RagSpec
from data.specs.train import TrainSpec
from data.workspace import Workspace
from engines.bundled import is_bundled_base
from engines.generate.pipelines.folder import pipeline_folder, read_index
from tasks.origins import count_origins

# Defaults that suit the bundled model, which is used where no base is named.
BUNDLED: dict[str, Any] = {
    "precision": "fp32", "width": 64, "height": 64, "frames": 8, "fps": 4.0,
    "steps": 25, "guidance": 4.0, "rag": RagSpec(token_every=1, start=0.65, weights="best"),
}  # fmt: skip
# And those that suit the bundled image-to-video model, which is named.
FROM_IMAGES: dict[str, Any] = {
    "precision": "fp32", "width": 32, "height": 32, "frames": 8, "fps": 4.0, "steps": 25,
    "guidance": 1.0,
}  # fmt: skip


# MotionRAG's published sizes, by the class of the base (motionrag.md, 5.3).
MOTIONRAG: dict[str, dict[str, Any]] = {
    "StableVideoDiffusionPipeline": {
        "width": 1024, "height": 576, "frames": 16, "fps": 7.0, "steps": 25, "guidance": 3.0,
    },
    "CogVideoXImageToVideoPipeline": {
        "width": 720, "height": 480, "frames": 17, "fps": 8.0, "steps": 25, "guidance": 3.0,
    },
}  # fmt: skip


def choose_defaults(engine: str, base: str | None) -> dict[str, Any]:
    """The fields of a spec that suit a base under a generator; none where they are RAGME's own.

    A UserError where a base for MotionRAG cannot be read.
    """
    if engine == "ragme" and is_bundled_base(base):
        return BUNDLED
    if base == SHAPES_FROM_IMAGES:
        return FROM_IMAGES | ({"controller": SHAPES_MOTION} if engine == "motionrag" else {})
    if engine != "motionrag" or base is None:
        return {}
    kind, _ = read_index(pipeline_folder(base))
    return MOTIONRAG.get(kind, {})


def build_generate_spec(**fields: Any) -> GenerateSpec:
    """A spec of these fields; the others have RAGME's defaults, or those of a bundled model."""
    engine = fields.get("engine", "ragme")
    default = GenerateSpec(**{"engine": engine} | choose_defaults(engine, fields.get("base")))
    rag = default.rag.model_dump() | fields.pop("rag", {})
    return GenerateSpec.model_validate(default.model_dump() | fields | {"rag": rag})


def require_base(
    workspace: Workspace, corpus: str, spec: GenerateSpec | TrainSpec,
    embed: EmbedSpec | None = None,
) -> None:  # fmt: skip
    """A UserError where no base is named and the bundled one cannot know a corpus's clips.

    `embed` is the spec that the corpus is about to be embedded with, by default its current one.
    """
    if spec.base is not None or getattr(spec, "engine", "ragme") != "ragme":
        return
    if embed is None or embed.model == AUTO:
        embed = spec_in_use(workspace.store, corpus, "embed", EmbedSpec())
    real = count_origins(workspace, corpus).get("real") if embed.model == AUTO else None
    if embed.model == SHAPES or (embed.model == AUTO and not real):
        return
    searched = "" if embed.model == AUTO else f", embedded by {describe_model(embed)}"
    raise UserError(
        f"no model to generate from {corpus}{searched}: the bundled one draws coloured shapes only."
        " Name one with --model: a text-to-video folder of diffusers (with --generator diffusers),"
        " or one in ZeroScope's layout and its --controller; --model reelflow-tiny-t2v is the"
        " bundled one"
    )
