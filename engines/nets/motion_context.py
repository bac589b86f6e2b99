"""MotionRAG's motion context transformer, CAMA (arXiv 2509.26391; motionrag.md, section 3)."""

import torch
from torch import Tensor, nn

from data.errors import UserError
from engines.nets.perceiver import PerceiverResampler

POSITIONS = (
    256  # tokens that positions were learned with: nine references of 25 tokens, and a target
)


class MotionContext(nn.Module):
    """Predicts how a picture will move from clips whose first pictures and motions are known.

    Slots are the references, the least similar first, and the target. A slot has its clip's own
    appearance and the motion of the slot before, added. Parameters have the names and shapes of
    released checkpoints (motionrag.md, 8.2).
    """

    def __init__(
        self,
        condition_proj: PerceiverResampler,
        dim: int = 1024,
        *,
        queries: int = 25,
        layers: int = 4,
        heads: int = 16,
    ) -> None:
        super().__init__()
        self.queries, self.condition_proj = queries, condition_proj
        self.sos_token = nn.Parameter(torch.randn(1, queries, dim) / dim**0.5)
        layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, 0.0, "gelu", batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, motions: Tensor, appearances: Tensor) -> Tensor:
        """(B, K + 1, q, dim): the motion predicted for each slot; of the target it is the last.

        `motions` (B, K, q, dim) of the references, or of all slots as in training: the target's own
        has no part. `appearances` (B, K + 1, q, dim) are resampled. K may be 0. A UserError for
        more references than there are positions.
        """
        slots, (tokens, dim) = appearances.shape[1], appearances.shape[2:]
        if slots * tokens > POSITIONS:
            most = POSITIONS // tokens - 1
            raise UserError(f"{slots - 1} references: this model takes {most} at most (-k {most})")
        start = self.sos_token.expand(len(appearances), -1, -1)[:, None].to(appearances.dtype)
        before = torch.cat([start, motions[:, : slots - 1].to(appearances.dtype)], dim=1)
        within = encode_sinusoids(tokens, dim, appearances)
        along = encode_sinusoids(slots * tokens, dim, appearances)
        x = (before + appearances + within).flatten(1, 2) + along
        mask = build_causal_mask(slots, tokens, x.device)
        return self.transformer(x, mask=mask).unflatten(1, (slots, tokens))


def encode_sinusoids(length: int, dim: int, like: Tensor) -> Tensor:
    """(length, dim): sines at even, cosines at odd d, of position / 10000^(2 floor(d/2) / dim)."""
    position = torch.arange(length, dtype=torch.float64)[:, None]
    place = torch.arange(dim, dtype=torch.float64)
    angle = position / 10000 ** (2 * (place // 2) / dim)
    table = torch.where(place % 2 == 0, angle.sin(), angle.cos())
    return table.to(like.device, like.dtype)


def build_causal_mask(slots: int, tokens: int, device: torch.device) -> Tensor:
    """(n, n) bool, true where a token may not look: into slots after its own."""
    slot = torch.arange(slots, device=device).repeat_interleave(tokens)
    return slot[:, None] < slot[None, :]
