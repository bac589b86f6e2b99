"""Loads the networks of refiners: sizes from the file, or from the shapes of published weights."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from engines.bundled import REFINERS
from engines.checkpoint import WeightShapes, load_weights, read_weights
from engines.refine.networks import build_network, read_sizes

if TYPE_CHECKING:
    from torch import nn

LISTED = 10_000  # wrong parameters that an error names: all
# What published U-Nets hold and no output depends on: conditioning that is never used, and the
# frequencies of rotary positions, which are constants.
UNUSED = re.compile(r"time_mlp\.\d\.(weight|bias)|null_cond_emb|(.+\.)?rotary_emb\.(inv_)?freqs")
TEMPORAL = "init_temporal_attn.fn.fn.fn.to_qkv.weight"
COMBINER = "mid_combiner.depthwise.weight"  # which only an augmented U-Net has


def find_weights(kind: str, weights: str | None) -> str:
    """The weights file of a spec; the bundled one if it names none, a folder's where it has one."""
    file = REFINERS / f"{kind}.safetensors" if weights is None else Path(weights)
    if not file.exists():
        missing = f"no weights {weights}" if weights else "no bundled weights"
        raise UserError(
            f"{missing} of the refiner {kind}: name a file or folder of them by --weights, or train"
            f" some with `reelflow train-refiner --refiner {kind}`"
        )
    return str(file / "refiner.safetensors" if file.is_dir() else file)


def digest_weights(file: str) -> str:
    """The SHA-256 of a weights file."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def load_network(kind: str, file: str, options: Mapping[str, Any]) -> "nn.Module":
    """The network of a weights file, for inference, on its device.

    Sizes come from the file, if `train-refiner` wrote it, else from the parameters' shapes; those
    that no shape tells from `options`. A UserError names every parameter that does not fit.
    """
    import torch

    weights = {name: value for name, value in read_weights(file).items() if not UNUSED.match(name)}
    label = f"{kind} in {file}"
    network, sizes = read_file_sizes(kind, file) or infer_sizes(
        kind, WeightShapes(weights, label), options
    )
    with torch.random.fork_rng(devices=[]):
        model = build_network(network, sizes)
    return load_weights(model, weights, label, LISTED)


def read_file_sizes(kind: str, file: str) -> tuple[str, dict[str, Any]] | None:
    """The network and sizes that a file holds, or None; a UserError if it is another refiner's."""
    found = read_sizes(file)
    if found and found[0] not in (kind, *(("augmented",) if kind == "unet" else ())):
        raise UserError(f"{file} holds a {found[0]}, not a {kind}: use --refiner {found[0]}")
    return found


def infer_sizes(
    kind: str, shapes: WeightShapes, options: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The network and sizes that shapes tell; what they do not comes from `options`."""
    return {"unet": _infer_unet, "vq": _infer_vq, "fuse": _infer_fuse}[kind](shapes, options)


def _infer_unet(shapes: WeightShapes, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    dim, inputs = shapes["init_conv.weight"][:2]
    heads = shapes["time_rel_pos_bias.relative_attention_bias.weight"][1]
    stems = (f"downs.{level}.0.block1.proj.weight" for level in range(count(shapes, "downs")))
    sizes = {
        "dim": dim, "multipliers": tuple(shapes[name][0] // dim for name in stems),
        "heads": heads, "head_width": shapes[TEMPORAL][0] // 3 // heads,
        "holes": inputs == 4, "residual": options.get("residual", False),
    }  # fmt: skip
    return ("augmented" if COMBINER in shapes else "unet"), sizes


def _infer_vq(shapes: WeightShapes, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    codes, width = shapes["codebook.embeddings"]
    hidden = shapes["encoder.conv_last.conv.weight"][0]
    # The stack ends with a batch norm and a ReLU, which has no parameters.
    layers = count(shapes, "encoder.res_stack") - 1
    downsample = options.get("downsample") or (2 ** count(shapes, "encoder.convs"),) * 3
    return "vq", {
        "hidden": hidden, "layers": layers, "width": width, "codes": codes,
        "downsample": tuple(downsample),
    }  # fmt: skip


def _infer_fuse(shapes: WeightShapes, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    hidden = shapes["ss.embedding.weight"][0]
    return "fuse", {
        "hidden": hidden, "blocks": count(shapes, "transformer"),
        "heads": options.get("heads") or max(1, hidden // 128), "map": shapes["sc.bias"][1:],
    }  # fmt: skip


def count(shapes: WeightShapes, prefix: str) -> int:
    """How many modules of a list have parameters."""
    found = (re.match(rf"{re.escape(prefix)}\.(\d+)\.", name) for name in shapes)
    return max((int(match[1]) + 1 for match in found if match), default=0)
