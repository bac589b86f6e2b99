"""RAFT (Teed and Deng 2020): how far each pixel moves from one frame to another."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from data.batches import batched
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.vision import checkpoint
from engines.evaluate.vision.device import device, exactly
from engines.evaluate.vision.rename_weights import renamed

if TYPE_CHECKING:
    from torch import Tensor
    from torchvision.models.optical_flow import RAFT

FILE = "raft-things.pth"
FETCH = (
    f"curl -Lo {FILE} https://download.pytorch.org/models/raft_large_C_T_V1-22a6c225.pth"
    " (the same weights, of torchvision's names)"
)
UPDATES = 20
LEAST, STEP = 128, 8  # what it wants of a frame's sides
CHUNK, CORRELATIONS = 8, 2**26  # pairs at once, and numbers at once (256 MB), at most
LEVELS = 4
RENAMED = (
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
    """The optical flow between frames, in single precision, after 20 updates."""

    def __init__(self, model: "RAFT") -> None:
        self._model = model

    def flow(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        """(n, H, W, 2) float32, in pixels to the right and down, of n pairs (n, H, W, 3) uint8.

        Sides are multiples of 8 and at least 128. How many pairs run at once hangs on the sides
        alone, so that the same pairs give the same flow.
        """
        places = earlier.shape[1] * earlier.shape[2] // STEP**2
        at_once = min(CHUNK, max(1, CORRELATIONS // places**2))
        pairs = batched(zip(earlier, later, strict=True), at_once)
        flows = [self._flow(*map(np.stack, zip(*pair, strict=True))) for pair in pairs]
        return np.concatenate([np.zeros((0, *earlier.shape[1:3], 2), np.float32), *flows])

    def _flow(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        with exactly():
            pair = _shown(earlier), _shown(later)
            flow = self._model(*pair, num_flow_updates=UPDATES)[-1]
            return flow.permute(0, 2, 3, 1).cpu().numpy()


def load(spec: EvaluateSpec, file: str) -> Raft:
    """RAFT from its authors' file or torchvision's, its sizes read off the shapes."""
    weights, of = for_torchvision(checkpoint.read(file)), f"RAFT ({file})"
    return Raft(checkpoint.load(architecture(checkpoint.Shapes(weights, of)), weights, of))


def for_torchvision(weights: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """The weights by torchvision's names; those that have them already are as they were."""
    if not any(name.startswith("fnet.") for name in weights):
        return dict(weights)
    # A block's third norm lies in the checkpoint once more, as that of its short cut.
    own = {name: value for name, value in weights.items() if ".norm3." not in name}
    return renamed(own, RENAMED)


def architecture(shapes: Mapping[str, tuple[int, ...]]) -> "RAFT":
    """torchvision's RAFT of the sizes that the weights have."""
    from torch import nn
    from torchvision.models.optical_flow import raft

    def out(name: str) -> int:
        return shapes[f"{name}.weight"][0]

    def encoder(name: str) -> tuple[int, ...]:
        stages = [out(f"{name}.layer{n}.0.convnormrelu1.0") for n in (1, 2, 3)]
        return out(f"{name}.convnormrelu.0"), *stages, out(f"{name}.conv")

    seen = shapes["update_block.motion_encoder.convcorr1.0.weight"][1]
    motion = "update_block.motion_encoder"
    return raft._raft(
        feature_encoder_layers=encoder("feature_encoder"),
        feature_encoder_block=raft.ResidualBlock,
        feature_encoder_norm_layer=nn.InstanceNorm2d,
        context_encoder_layers=encoder("context_encoder"),
        context_encoder_block=raft.ResidualBlock,
        context_encoder_norm_layer=nn.BatchNorm2d,
        corr_block_num_levels=LEVELS,
        corr_block_radius=(round((seen / LEVELS) ** 0.5) - 1) // 2,
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


def _shown(frames: np.ndarray) -> "Tensor":
    import torch

    return 2 * (torch.from_numpy(frames).permute(0, 3, 1, 2).to(device()).float() / 255) - 1
