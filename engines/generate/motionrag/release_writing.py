"""Writes MotionRAG's checkpoints in their released layout, as safetensors (motionrag.md, 8)."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engines.generate.motionrag.encoders import IMAGE, VIDEO
from engines.generate.motionrag.motion_sites import name_adapters
from engines.generate.motionrag.release import (
    ADAPTER,
    CONTEXT,
    MOTION,
    RESAMPLER,
    Release,
    list_checkpoints,
)
from engines.generate.motionrag.window import WINDOW

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engines.nets.motion_context import MotionContext

    State = Mapping[str, Tensor]


def save_release(release: Release, base: "nn.Module", folder: Path) -> None:
    """Writes the networks under the names of a release, as safetensors."""
    resampler = release.resampler.state_dict()
    adapters = release.adapters.state_dict()
    names = name_adapters(base)
    copies = {RESAMPLER + name: value for name, value in resampler.items()}
    _save(folder / f"{MOTION}.safetensors", resampler)
    _save(folder / f"{CONTEXT}.safetensors", release.context.state_dict())
    _save(
        folder / f"{ADAPTER}.safetensors",
        {names[name]: value for name, value in adapters.items()} | copies,
    )


def replace_context(source: Path, context: "MotionContext", folder: Path) -> None:
    """Writes a release whose context transformer is this one, and whose rest is `source`'s."""
    # Copied, not linked: the source may be moved, and a release stands alone.
    for file in list_checkpoints(source):
        if file.stem != CONTEXT:
            copy_file(file, folder / file.name)
    copy_companions(source, folder)
    _save(folder / f"{CONTEXT}.safetensors", context.state_dict())


def copy_companions(source: Path, folder: Path) -> None:
    """Copies what a release may have beside its networks: its encoders, and its window."""
    if (source / WINDOW).is_file():
        copy_file(source / WINDOW, folder / WINDOW)
    for name in (VIDEO, IMAGE):
        copy_encoder(source / name, folder / name)


def copy_encoder(source: Path, folder: Path) -> None:
    """Copies an encoder's files, of which a folder that is not there has none."""
    for file in sorted(each for each in source.glob("*") if each.is_file()):
        copy_file(file, folder / file.name)


def copy_file(file: Path, target: Path) -> None:
    """Copies a file, which is then there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    shutil.copyfile(file, draft)
    os.replace(draft, target)


def _save(file: Path, state: "State") -> None:
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.part")
    save_file({name: value.contiguous() for name, value in state.items()}, draft)
    os.replace(draft, file)  # a checkpoint is there whole or not at all
