"""FID's network with random weights whose features vary, as a state dict of the published names."""

from pathlib import Path

import torch

from engines.nets.fid_inception import FidInception


def build_inception(seed: int = 0) -> FidInception:
    """Keeps the signal's size through 94 layers, and has batch norms that matter."""
    torch.manual_seed(seed)
    net = FidInception().eval()
    for name, value in net.state_dict().items():
        if name.endswith("conv.weight"):
            value.normal_(0, (2 / value[0].numel()) ** 0.5)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith(("running_mean", "bn.bias")):
            value.normal_(0, 0.2)
    return net


def published_weights() -> dict[str, torch.Tensor]:
    """What the published file has: all but batch norm's counters."""
    state = build_inception().state_dict()
    return {name: value for name, value in state.items() if "num_batches_tracked" not in name}


def write_inception(file: Path) -> str:
    torch.save(published_weights(), file)
    return str(file)
