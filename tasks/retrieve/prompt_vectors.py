"""Vectors of prompts by the model that embedded a corpus."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from data.errors import UserError
from data.outcome import Done
from data.records import Prompt
from data.shards.stages import Stage
from data.workspace import Workspace
from engines.embed.text import TextEmbedder
from engines.runners.in_process import InProcessRunner
from tasks.stages import is_imported, require_same_weights

TEXT_BATCH = 64  # prompts embedded together

# (n, dim) float32 vectors of prompts by the model of an embed stage, as the model gives them.
EmbedPrompts = Callable[[Stage, Sequence[Prompt]], np.ndarray]


class PromptEmbedder:
    """Embeds prompts in this process; the model is loaded with the first and then kept."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._runner = workspace, InProcessRunner()

    def __call__(self, stage: Stage, prompts: Sequence[Prompt]) -> np.ndarray:
        """Vectors (n, dim); a UserError where the stage's weights have changed."""
        spec = require_same_weights(self._workspace, stage)
        outcomes = self._runner.map(partial(TextEmbedder, spec), prompts, batch=TEXT_BATCH)
        return np.stack([o.value for o in outcomes if isinstance(o, Done)])


def require_width(workspace: Workspace, stage: Stage, vectors: np.ndarray, dim: int) -> None:
    """Raises a UserError where vectors are not as wide as the index of an embed stage."""
    if vectors.shape[1] != dim:
        again = "import its vectors again with the --model that made them"
        if not is_imported(workspace, stage):
            again = f"run `reelflow run {stage.corpus}` with the model that embedded the corpus"
        raise UserError(f"the model has {vectors.shape[1]} dimensions, the index {dim}: {again}")
