"""The parameters of the experiment "does retrieved motion help?"."""

from data.specs.pipeline import ExperimentSpec, GenerateSpec
from data.specs.retrieve import RetrieveSpec

MOTION_EXPERIMENT = ExperimentSpec(
    generate=GenerateSpec(engine="motionrag", retrieve=RetrieveSpec(k=9, by="caption")),
    controllers=("motionrag",), metrics=("dynamic_degree_dis", "temporal_consistency"),
)  # fmt: skip
