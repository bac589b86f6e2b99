"""Builds models without the random weights that their files are about to replace."""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

RANDOM = {torch.Tensor.normal_, torch.Tensor.uniform_}


class SkipRandomInit(TorchFunctionMode):
    """In the block, weights of new modules are not drawn at random: for ViT-B-32 that takes 2 s.

    For models whose weights are then loaded strictly, key by key, and only for those.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        return args[0] if func in RANDOM else func(*args, **kwargs or {})
