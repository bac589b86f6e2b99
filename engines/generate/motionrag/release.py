"""MotionRAG's checkpoints as they are released, read strictly (motionrag.md, 8)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import UserError
from engines.bundled import RELEASE
from engines.checkpoint import list_differences, load_weights, read_weights
from engines.generate.motionrag.motion_sites import PREFIXES, list_motion_sites, name_adapters
from engines.generate.motionrag.release_sizes import (
    SEEN,
    build_context,
    build_resampler,
    read_dim,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engines.nets.motion_adapter import MotionAdapters
    from engines.nets.motion_context import MotionContext
    from engines.nets.perceiver import PerceiverResampler

    State = Mapping[str, Tensor]

MOTION, CONTEXT, ADAPTER, SHORT = "motion_proj", "motion_transformer", "Motion-Adapter", "17_frames"
ENDINGS = (".safetensors", ".ckpt", ".pt", ".pth")
TUNED = re.compile(r"transformer_blocks\.\d+\.attn1\.to_[qkv]\.(?:weight|bias)$")  # (8.3)
LISTED = 10_000  # differences that an error names: all
RESAMPLER = "action_proj_model."  # a second copy of the motion resampler, in the adapters' file
START = "sos_token"
DYNAMICRAFTER = "model.diffusion_model."


@dataclass(frozen=True)
class Release:
    """The networks of a folder, for one base, and remarks on what is odd in it."""

    resampler: "PerceiverResampler"
    context: "MotionContext"
    adapters: "MotionAdapters"
    remarks: list[str] = field(default_factory=list)


def release_folder(name: str) -> Path:
    """The folder of a release: the bundled one by its name, or a path."""
    return RELEASE if name == RELEASE.name else Path(name)


def find_checkpoint(folder: Path, name: str) -> Path | None:
    """The file of a checkpoint in a folder, whichever its ending; None where there is none."""
    files = (folder / f"{name}{ending}" for ending in ENDINGS)
    return next((file for file in files if file.is_file()), None)


def list_checkpoints(folder: Path) -> list[Path]:
    """The three files of a release, and CogVideoX's fourth; a UserError names what is missing."""
    found = {name: find_checkpoint(folder, name) for name in (MOTION, CONTEXT, ADAPTER, SHORT)}
    if missing := [name for name, file in found.items() if not file and name != SHORT]:
        raise UserError(
            f"{folder} is no MotionRAG release: {', '.join(missing)} missing"
            f" ({' or '.join(ENDINGS[:2])})"
        )
    return [file for file in found.values() if file]


def load_describers(folder: Path) -> "tuple[PerceiverResampler, PerceiverResampler]":
    """The resamplers of motion and of appearance in a folder, which no base is needed for."""
    states = {file.stem: (str(file), read_weights(str(file))) for file in list_checkpoints(folder)}
    return _load_resampler(*states[MOTION]), _load_context(*states[CONTEXT], []).condition_proj


def load_release(folder: Path, base: "nn.Module") -> Release:
    """The networks in a folder, for this base, which gets the folder's fine-tuned weights, if any.

    A UserError names every parameter that is missing, unknown or of another shape, and a folder of
    another base.
    """
    states = {file.stem: (str(file), read_weights(str(file))) for file in list_checkpoints(folder)}
    remarks: list[str] = []
    resampler = _load_resampler(*states[MOTION])
    context = _load_context(*states[CONTEXT], remarks)
    adapters = _load_adapters(*states[ADAPTER], base, states[MOTION][1])
    if SHORT in states:
        _load_short_clips(*states[SHORT], base)
    return Release(resampler, context, adapters, remarks)


def randomise_start(release: Release, seed: int) -> None:
    """Gives a release without a start of its own a random one, as published, by the seed."""
    import torch

    start = release.context.sos_token
    if not start.any():
        source = torch.Generator("cpu").manual_seed(seed)
        drawn = torch.randn(start.shape, generator=source) / start.shape[-1] ** 0.5
        start.data.copy_(drawn)


def load_context(folder: Path, fresh: bool = False) -> "MotionContext":
    """A release's context transformer, or one of its sizes with random weights."""
    list_checkpoints(folder)
    file = str(find_checkpoint(folder, CONTEXT))
    state = read_weights(file)
    return build_context(state) if fresh else _load_context(file, state, [])


def count_references(folder: Path) -> int:
    """The most clips in whose context a release predicts a motion."""
    from engines.nets.motion_context import POSITIONS

    return POSITIONS // load_context(folder, fresh=True).queries - 1


def build_fresh(sites: "Mapping[str, tuple[int, int]]", features: int) -> Release:
    """Networks of the published sizes with random weights, for encoders of videos this wide."""
    from engines.nets.motion_adapter import MotionAdapters
    from engines.nets.motion_context import MotionContext
    from engines.nets.perceiver import PerceiverResampler

    context = MotionContext(PerceiverResampler(SEEN))
    return Release(PerceiverResampler(features), context, MotionAdapters(sites))


def _load_resampler(file: str, state: "State") -> "PerceiverResampler":
    label = f"a MotionRAG resampler ({file})"
    return load_weights(build_resampler(state), state, label, LISTED)


def _load_context(file: str, state: "State", remarks: list[str]) -> "MotionContext":
    label = f"MotionRAG's context transformer ({file})"
    model = build_context(state)
    if START not in state:  # the published training neither trains nor saves it (7.1, no. 2)
        state = {**state, START: model.sos_token.detach() * 0}
        remarks.append(f"no {START}: zeros take its place, as the release never trained it")
    return load_weights(model, state, label, LISTED)


def _load_adapters(
    file: str, state: "State", base: "nn.Module", resampler: "State"
) -> "MotionAdapters":
    from engines.nets.motion_adapter import MotionAdapters

    label = f"motion adapters for {type(base).__name__} ({file})"
    if any(name.startswith(DYNAMICRAFTER) for name in state):
        raise UserError(
            f"{file} is for DynamiCrafter, of which diffusers has no pipeline: give a release for"
            " Stable Video Diffusion or CogVideoX"
        )
    _check_same_resampler(file, state, resampler)
    own = {name: value for name, value in state.items() if not name.startswith(RESAMPLER)}
    adapters = MotionAdapters(list_motion_sites(base), read_dim(resampler))
    return load_weights(adapters, own, label, LISTED, name_adapters(base))


def _check_same_resampler(file: str, state: "State", resampler: "State") -> None:
    """Raises a UserError where the adapters were trained with another motion resampler."""
    copies = {k.removeprefix(RESAMPLER): v for k, v in state.items() if k.startswith(RESAMPLER)}
    if copies and not (
        copies.keys() == resampler.keys()
        and all(value.equal(resampler[name]) for name, value in copies.items())
    ):
        raise UserError(
            f"{file} was trained with another {MOTION}: both must be of one release, for one base"
        )


def _load_short_clips(file: str, state: "State", base: "nn.Module") -> None:
    """Puts fine-tuned queries, keys and values of all joint attentions into the base.

    A UserError names what is missing, unknown or of another shape.
    """
    prefix = PREFIXES[type(base).__name__]
    tuned = {prefix + name: value for name, value in base.state_dict().items() if TUNED.match(name)}
    if wrong := list(list_differences(tuned, state)):
        raise UserError(f"{file} does not fit {type(base).__name__}: {', '.join(wrong)}")
    own = {name.removeprefix(prefix): value for name, value in state.items()}
    base.load_state_dict(own, strict=False)
