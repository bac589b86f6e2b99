"""The refiners' networks by name, and their weights files: safetensors that hold their sizes."""

import json
from dataclasses import asdict, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from engines.weights_file import check_weights_file

if TYPE_CHECKING:
    from torch import nn

# Module of engines/nets, its network, and the dataclass of its sizes.
NETWORKS = {
    "unet": ("video_unet", "VideoUnet", "UnetConfig"),
    "augmented": ("augmented_unet", "AugmentedUnet", "UnetConfig"),
    "vq": ("video_vq", "VqAutoencoder", "VqConfig"),
    "fuse": ("fuseformer", "FuseGenerator", "FuseConfig"),
}
METADATA = "reelflow"  # the key of a safetensors file's header under which sizes are


def build_network(kind: str, sizes: dict[str, Any]) -> "nn.Module":
    """An untrained network of a kind; a UserError for sizes that it does not have."""
    module, network, config = NETWORKS[kind]
    nets = import_module(f"engines.nets.{module}")
    return getattr(nets, network)(build_config(kind, getattr(nets, config), sizes))


def build_config(kind: str, config: Any, sizes: dict[str, Any]) -> Any:
    """The dataclass `config` of these sizes, lists as tuples."""
    known = [field.name for field in fields(config)]
    if unknown := sorted(sizes.keys() - known):
        raise UserError(
            f"a {kind} has no size {', '.join(unknown)}: its sizes are {', '.join(known)}"
        )
    given = {
        key: tuple(value) if isinstance(value, list) else value for key, value in sizes.items()
    }
    try:
        return config(**given)
    except (TypeError, ValueError) as error:
        raise UserError(f"no {kind} of these sizes: {error}") from error


def save_network(network: "nn.Module", kind: str, file: Path, dtype: Any) -> None:
    """Writes weights and sizes; batch norms' statistics and codes stay float32."""
    import os

    from safetensors.torch import save_file

    trained = dict(network.named_parameters())
    state = {
        name: (value.to(dtype) if name in trained else value).cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    sizes: Any = network.config
    record = json.dumps({"network": kind, "sizes": asdict(sizes)}, sort_keys=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.part")
    save_file(state, draft, {METADATA: record})
    os.replace(draft, file)


def read_sizes(file: str) -> tuple[str, dict[str, Any]] | None:
    """The kind of network of a weights file and its sizes; None if the file does not hold them."""
    check_weights_file(file)
    if Path(file).suffix != ".safetensors":
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as opened:
            record = json.loads((opened.metadata() or {}).get(METADATA, "null"))
    except (SafetensorError, ValueError) as error:
        raise UserError(f"{file} is truncated or not a safetensors file: {error}") from error
    return record and (record["network"], record["sizes"])
