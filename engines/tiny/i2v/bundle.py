"""Puts a trained base and release into the package: `python -m engines.tiny.i2v.bundle`."""

import argparse
from pathlib import Path

from engines.bundled import IMAGE_TO_VIDEO, RELEASE
from engines.checkpoint import read_weights
from engines.generate.motionrag.release import list_checkpoints
from engines.generate.motionrag.release_writing import copy_companions, copy_file
from engines.tiny.i2v import folders


def copy_pipeline(source: Path, folder: Path) -> None:
    """Copies a pipeline's folder, whose weights are of half precision already."""
    for file in sorted(source.rglob("*")):
        if file.is_file():
            copy_file(file, folder / file.relative_to(source))


def copy_release(source: Path, folder: Path) -> None:
    """Copies a release and its encoders, its networks in half precision."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for file in list_checkpoints(source):
        halves = {name: value.half() for name, value in read_weights(str(file)).items()}
        save_file(halves, folder / f"{file.stem}.safetensors")
    copy_companions(source, folder)


def main() -> None:
    """Copies both, over what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, default=folders.BASE)
    parser.add_argument("--release", type=Path, default=folders.RELEASE)
    options = parser.parse_args()
    copy_pipeline(options.base, IMAGE_TO_VIDEO)
    copy_release(options.release, RELEASE)


if __name__ == "__main__":
    main()
