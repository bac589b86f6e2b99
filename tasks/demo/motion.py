"""The clips, the pictures and the experiment of the demo of motion."""

from pathlib import Path

from data.specs.models import SHAPES_FROM_IMAGES
from data.specs.motion_experiment import MOTION_EXPERIMENT
from data.specs.pipeline import ExperimentSpec
from engines.tiny.i2v.bank import write_bank, write_prompts
from engines.tiny.i2v.training_set import MOTIONS
from tasks.generate.spec import choose_defaults


def make_clips(folder: Path, videos: int, prompts: int) -> tuple[Path, Path]:
    """Makes the clips that are missing, and prompts with pictures; the tables of both."""
    return write_bank(folder, videos, MOTIONS), write_prompts(folder, prompts, MOTIONS)


def build_demo_spec() -> ExperimentSpec:
    """The experiment on the bundled base and release; headings and looks are what it measures."""
    suited = choose_defaults("motionrag", SHAPES_FROM_IMAGES) | {"base": SHAPES_FROM_IMAGES}
    generate = MOTION_EXPERIMENT.generate.model_copy(update=suited)
    return MOTION_EXPERIMENT.model_copy(
        update={"generate": generate, "metrics": ("moving_ways", "temporal_consistency")}
    )
