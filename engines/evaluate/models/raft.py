"""RAFT (Teed and Deng 2020): optical flow from one frame to another."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from data.batches import iter_batches
from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.device import deterministic_inference, pick_device
from engines.evaluate.vision.rename_weights import rename_keys

if TYPE_CHECKING:
    from torch import Tensor
    from torchvision.models.optical_flow import RAFT

FILE = "raft-things.pth"
FETCH = (
    f"curl -Lo {FILE} https://download.pytorch.org/models/raft_large_C_T_V1-22a6c225.pth"
    " (the same weights under torchvision's names)"
)
UPDATES = 20
MIN_SIDE, STEP = 128, 8  # a frame's sides must be at least, and multiples of, these
CHUNK, CORRELATIONS = 8, 2**26  # limits per forward pass: pairs, and correlations (256 MB)
LEVELS = 4  # of the correlation pyramid
KEY_MAPPING = (
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"^(\w+_encoder)\.conv1\.", r"\1.convnormrelu.0."),
    (r"^(\w+_encoder)\.norm1\.", r"\1.convnormrelu.1."),
    (r"^(\w+_encoder)\.conv2\.", r"\1.conv."),
    (r"(layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"(layer\d\.\d)\.norm(\d)\.", r"\1.convnormrelu\2.1."),
    (r"^update_block\.encoder\.conv(c|f)(\d)\.", r"update_block.motion_encoder.conv\1\2.0."),
    (r"^update_block\.encoder\.conv\.", "update_block.motion_encoder.conv.0."),
    (r"motion_encoder\.convc(\d)", r"motion_encoder.convcorr\1"),
    (r"motion_encoder\.convf(\d)", r"motion_encoder.convflow\1"),
    (r"^update_block\.gru\.conv(\w)(\d)\.", r"update_block.recurrent_block.convgru\2.conv\1."),
    (r"^update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
    (r"^update_block\.mask\.2\.", "mask_predictor.conv."),
)


class Raft:
    """Computes optical flow in float32; with 20 refinement updates, as VBench does."""

    def __init__(self, model: "RAFT", updates: int = UPDATES) -> None:
        self._model, self._updates = model, updates

    def compute_flow(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        """(n, H, W, 2) float32 flow in pixels to the right and down, for n pairs (n, H, W, 3).

        Frames are uint8 RGB; their sides must be multiples of 8 and at least 128.
        """
        # By the sides alone, not by free memory: the same pairs must give the same bits.
        positions = earlier.shape[1] * earlier.shape[2] // STEP**2
        at_once = min(CHUNK, max(1, CORRELATIONS // positions**2))
        pairs = iter_batches(zip(earlier, later, strict=True), at_once)
        flows = [self._compute_chunk(*map(np.stack, zip(*pair, strict=True))) for pair in pairs]
        return np.concatenate([np.zeros((0, *earlier.shape[1:3], 2), np.float32), *flows])

    def _compute_chunk(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        with deterministic_inference():
            pair = _to_tensor(earlier), _to_tensor(later)
            flow = self._model(*pair, num_flow_updates=self._updates)[-1]
            return flow.permute(0, 2, 3, 1).cpu().numpy()


def load(spec: EvaluateSpec, file: str, updates: int = UPDATES) -> Raft:
    """RAFT from its authors' file or torchvision's, in the sizes of the weights."""
    weights, label = to_torchvision_keys(checkpoint.read_weights(file)), f"RAFT ({file})"
    return Raft(
        checkpoint.load_weights(
            build_network(checkpoint.WeightShapes(weights, label)), weights, label
        ),
        updates,
    )


def to_torchvision_keys(weights: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """The weights under torchvision's names, or unchanged if they have these names."""
    if not any(name.startswith("fnet.") for name in weights):
        return dict(weights)
    # The checkpoint has a block's third norm twice; the other copy is the shortcut's.
    unique = {name: value for name, value in weights.items() if ".norm3." not in name}
    return rename_keys(unique, KEY_MAPPING)


def build_network(shapes: Mapping[str, tuple[int, ...]]) -> "RAFT":
    """torchvision's RAFT in the sizes of the weights."""
    from torch import nn
    from torchvision.models.optical_flow import raft

    def out(name: str) -> int:
        return shapes[f"{name}.weight"][0]

    def list_widths(name: str) -> tuple[int, ...]:
        stages = [out(f"{name}.layer{n}.0.convnormrelu1.0") for n in (1, 2, 3)]
        return out(f"{name}.convnormrelu.0"), *stages, out(f"{name}.conv")

    # Its input has `LEVELS` windows of (2 radius + 1)² correlations.
    correlations = shapes["update_block.motion_encoder.convcorr1.0.weight"][1]
    motion = "update_block.motion_encoder"
    return raft._raft(
        feature_encoder_layers=list_widths("feature_encoder"),
        feature_encoder_block=raft.ResidualBlock,
        feature_encoder_norm_layer=nn.InstanceNorm2d,
        context_encoder_layers=list_widths("context_encoder"),
        context_encoder_block=raft.ResidualBlock,
        context_encoder_norm_layer=nn.BatchNorm2d,
        corr_block_num_levels=LEVELS,
        corr_block_radius=(round((correlations / LEVELS) ** 0.5) - 1) // 2,
        motion_encoder_corr_layers=(out(f"{motion}.convcorr1.0"), out(f"{motion}.convcorr2.0")),
        motion_encoder_flow_layers=(out(f"{motion}.convflow1.0"), out(f"{motion}.convflow2.0")),
        motion_encoder_out_channels=out(f"{motion}.conv.0") + 2,
        recurrent_block_hidden_state_size=out("update_block.recurrent_block.convgru1.convz"),
        recurrent_block_kernel_size=((1, 5), (5, 1)),
        recurrent_block_padding=((0, 2), (2, 0)),
        flow_head_hidden_size=out("update_block.flow_head.conv1"),
        use_mask_predictor=True,
        mask_predictor=raft.MaskPredictor(
            in_channels=out("update_block.recurrent_block.convgru1.convz"),
            hidden_size=out("mask_predictor.convrelu.0"),
        ),
    )


def _to_tensor(frames: np.ndarray) -> "Tensor":
    import torch

    return 2 * (torch.from_numpy(frames).permute(0, 3, 1, 2).to(pick_device()).float() / 255) - 1
