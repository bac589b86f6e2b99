"""The bundled open_clip model: once registered, `open_clip.create_model` makes it by `NAME`."""

from pathlib import Path

NAME = "reelflow-tiny"
CONFIG = Path(__file__).with_name(f"{NAME}.json")
WEIGHTS = CONFIG.with_suffix(".safetensors")


def register() -> None:
    """Make `NAME` an architecture open_clip knows; once or many times is the same."""
    import open_clip

    if NAME not in open_clip.list_models():
        open_clip.add_model_config(CONFIG)
