"""The window of clips that a release was trained on, in a file of its folder."""

import json
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.specs.motion import MotionFeaturesSpec
from engines.generate.motionrag.release import release_folder

WINDOW = "window.json"
FIELDS = ("frames", "fps", "side")


def suit_features(release: str, **given: Any) -> MotionFeaturesSpec:
    """The features that suit a release: of the windows that it was trained on, else as published.

    Fields that are given stay. A UserError for a window that cannot be.
    """
    window = _read_window(release_folder(release))
    return MotionFeaturesSpec(**window | given | {"controller": release})


def write_window(folder: Path, window: MotionFeaturesSpec) -> None:
    """Writes down frames, rate and size of the windows that a release was trained on."""
    fields = window.model_dump(include=set(FIELDS))
    (folder / WINDOW).write_text(json.dumps({name: fields[name] for name in FIELDS}) + "\n")


def _read_window(folder: Path) -> dict[str, Any]:
    file = folder / WINDOW
    if not file.is_file():
        return {}
    try:
        fields = {name: json.loads(file.read_text())[name] for name in FIELDS}
        MotionFeaturesSpec(**fields, controller=str(folder))
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise UserError(
            f'{file} is no window of clips: it has to be as {{"frames": 16, "fps": 8, "side": 256}}'
        ) from error
    return fields
