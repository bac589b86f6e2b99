"""Stops a training that gets no better on held-out examples, and keeps its best weights."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


class EarlyStop:
    """Measures a model's mean weights by `score`, which is to be large; without it, does nothing.

    `stopped` once `patience` measurements in a row were no better than the best before them.
    """

    def __init__(self, score: Callable[[], float] | None = None, patience: int = 1) -> None:
        self.score, self.patience = score, patience
        self.scores: list[float] = []
        self._best: dict[str, Tensor] = {}

    @property
    def has_stopped(self) -> bool:
        """Whether the training is to stop."""
        if not self.scores:
            return False
        return len(self.scores) - 1 - self.scores.index(max(self.scores)) >= self.patience

    def measure(
        self, model: "nn.Module", trained: list["nn.Parameter"], mean: list["Tensor"]
    ) -> None:
        """Measures the model with `mean` in place of its `trained` parameters."""
        import torch

        if self.score is None:
            return
        # Batch norms and dropout must not learn from held-out examples, nor random numbers move.
        raw, random = [parameter.detach().clone() for parameter in trained], torch.get_rng_state()
        model.eval()
        with torch.no_grad():
            for parameter, value in zip(trained, mean, strict=True):
                parameter.copy_(value)
            self.scores.append(self.score())
            if self.scores[-1] == max(self.scores):
                self._best = {key: v.detach().clone() for key, v in model.state_dict().items()}
            for parameter, value in zip(trained, raw, strict=True):
                parameter.copy_(value)
        torch.set_rng_state(random)
        model.train()

    def restore_best(self, model: "nn.Module") -> None:
        """Gives the model the weights that were best."""
        if self._best:
            model.load_state_dict(self._best)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"scores": self.scores, "best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint; one that was saved without measuring starts anew."""
        self.scores, self._best = list(state.get("scores", [])), state.get("best", {})
