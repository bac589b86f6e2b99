"""The default spec of a run of generation."""

from typing import Any

from data.specs.pipeline import GenerateSpec, RagSpec

# Defaults that suit the bundled model, which is used where no base is named.
BUNDLED: dict[str, Any] = {
    "precision": "fp32", "width": 64, "height": 64, "frames": 8, "fps": 4.0,
    "steps": 25, "guidance": 4.0, "rag": RagSpec(token_every=1, start=0.65, weights="best"),
}  # fmt: skip


def build_generate_spec(**fields: Any) -> GenerateSpec:
    """A spec of these fields; the others have RAGME's defaults, or those of the bundled model."""
    bundled = fields.get("engine", "ragme") == "ragme" and fields.get("base") is None
    default = GenerateSpec(**BUNDLED) if bundled else GenerateSpec()
    rag = default.rag.model_dump() | fields.pop("rag", {})
    return GenerateSpec.model_validate(default.model_dump() | fields | {"rag": rag})
