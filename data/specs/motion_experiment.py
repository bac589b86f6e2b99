"""The parameters of the experiment "does retrieved motion help?"."""

from data.specs.pipeline import ExperimentSpec, GenerateSpec
from data.specs.retrieve import RetrieveSpec

# Captions that say the same are no copies: none is left out for it.
MOTION_EXPERIMENT = ExperimentSpec(
    generate=GenerateSpec(
        engine="motionrag", retrieve=RetrieveSpec(k=9, by="caption", dedup=1.01)
    ),
    controllers=("motionrag",), metrics=("dynamic_degree_dis", "temporal_consistency"),
)  # fmt: skip
