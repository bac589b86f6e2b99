"""Which embedding model a spec means where it names none, and what people are told of a model."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.specs.pipeline import EmbedSpec

AUTO = "auto"  # the default of `EmbedSpec.model`
SHAPES = "reelflow-tiny"  # bundled; knows moving shapes only
SHAPES_FROM_IMAGES = "reelflow-tiny-i2v"  # as bundled: an image-to-video base, and a
SHAPES_MOTION = "reelflow-tiny-motionrag"  # release of MotionRAG for it
REAL, REAL_WEIGHTS = "ViT-B-32", "laion2b_s34b_b79k"
TAGS = "efficientnet-lite2"

# What an engine with one model implies. The fake's has a name since 0.1.0, though it is no model;
# tags computes in one precision, so that its vectors have one fingerprint on all machines.
IMPLIED: dict[str, dict[str, str]] = {
    "fake": {"model": SHAPES},
    "tags": {"model": TAGS, "precision": "fp32"},
}
NOTES = {
    SHAPES: "knows coloured shapes only, no real footage",
    TAGS: "knows everyday objects by name, no people or actions",
}


def add_implied(fields: Any) -> Any:
    """The fields of a spec, with those that its engine implies."""
    if not isinstance(fields, dict) or fields.get("engine") not in IMPLIED:
        return fields
    implied = IMPLIED[fields["engine"]]
    return fields | implied if fields.get("model", AUTO) == AUTO else fields


def name_model(
    spec: "EmbedSpec", in_use: "EmbedSpec | None" = None, made: bool = False
) -> "EmbedSpec":
    """The spec with its model named: the requested one, else the corpus's, else a default.

    `in_use` is the spec that the corpus was last embedded with. By default, a corpus `made` of
    fakes is embedded by the bundled model, and all others by a real one.
    """
    if spec.model == AUTO:
        spec = spec.model_copy(update=_choose_model(spec, in_use, made))
    needs_weights = spec.model == REAL and spec.weights is None
    return spec.model_copy(update={"weights": REAL_WEIGHTS}) if needs_weights else spec


def _choose_model(spec: "EmbedSpec", in_use: "EmbedSpec | None", made: bool) -> dict[str, Any]:
    if spec.weights is not None:
        return {"model": REAL}
    if in_use is None:
        return {"model": SHAPES if made else REAL}
    kept = in_use.model_dump(include={"engine", "model", "weights"})
    if spec.activation == "auto":
        kept["activation"] = in_use.activation
    return kept | IMPLIED.get(in_use.engine, {})


def describe_model(spec: "EmbedSpec") -> str:
    """The model in a few words, as "ViT-B-32 laion2b_s34b_b79k bf16"."""
    weights = spec.weights.rsplit("/", 1)[-1] if spec.weights else None
    engine = None if spec.engine == "open_clip" else spec.engine
    named = None if spec.engine == "fake" else spec.model
    words = " ".join(filter(None, (engine, named, weights, spec.precision)))
    note = NOTES.get(named or "")
    return f"{words} ({note})" if note else words
