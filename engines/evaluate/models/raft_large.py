"""torchvision's RAFT-large in its default weights: those of the published Motion distance."""

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models import raft

FILE = "raft_large_C_T_SKHT_V2-ff5fadd5.pth"
FETCH = f"curl -LO https://download.pytorch.org/models/{FILE}"
UPDATES = 12  # torchvision's own number


def load(spec: EvaluateSpec, file: str) -> raft.Raft:
    """RAFT of these weights."""
    return raft.load(spec, file, UPDATES)
