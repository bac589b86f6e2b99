"""Paths of the bundled models: a CLIP, pipelines of videos, what conditions them, refiners."""

from pathlib import Path

from data.specs.models import SHAPES, SHAPES_FROM_IMAGES, SHAPES_MOTION
from engines.open_clip_import import import_open_clip

TINY = Path(__file__).parent / "tiny"

NAME = SHAPES
CONFIG = TINY / f"{NAME}.json"
WEIGHTS = CONFIG.with_suffix(".safetensors")

TEXT_TO_VIDEO = TINY / "t2v" / "reelflow-tiny-t2v"
IMAGE_TO_VIDEO = TINY / "i2v" / SHAPES_FROM_IMAGES
RELEASE = TINY / "i2v" / SHAPES_MOTION  # of MotionRAG, for the base beside it
CONTROLLERS = TINY / "t2v"
CONTROLLER = "reelflow-tiny-ragme-ordered"
REFINERS = TINY / "refiners"  # a weights file each, by the refiner's name


def is_bundled_base(base: str | None) -> bool:
    """Whether a text-to-video base is the bundled one: left out, or by its name."""
    return base in (None, TEXT_TO_VIDEO.name)


def register_model() -> None:
    """Registers `NAME` as an architecture of open_clip; may be called any number of times."""
    open_clip = import_open_clip()
    if NAME not in open_clip.list_models():
        open_clip.add_model_config(CONFIG)
