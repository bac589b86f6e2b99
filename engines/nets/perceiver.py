"""MotionRAG's resampler: some hundred tokens of an encoder become a few (motionrag.md, 2.2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class PerceiverAttention(nn.Module):
    """Queries attend to the features and to themselves."""

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads, inner = heads, heads * head_dim
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, features: Tensor, queries: Tensor) -> Tensor:
        """Maps features (B, n, dim) and queries (B, q, dim) to (B, q, dim)."""
        features, queries = self.norm1(features), self.norm2(queries)
        keys = self.to_kv(torch.cat([features, queries], dim=1))
        q, k, v = (self._split(part) for part in (self.to_q(queries), *keys.chunk(2, dim=-1)))
        return self.to_out(
            functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        )

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class PerceiverResampler(nn.Module):
    """Maps features (B, n, `features`) to (B, `queries`, `dim`), each of mean 0 and variance 1.

    Parameters have the names and shapes of released checkpoints (motionrag.md, 8.1).
    """

    def __init__(
        self,
        features: int,
        dim: int = 1024,
        *,
        queries: int = 25,
        depth: int = 4,
        heads: int = 12,
        head_dim: int = 64,
    ) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(1, queries, dim) / dim**0.5)
        self.proj_in = nn.Linear(features, dim)
        self.layers = nn.ModuleList(
            nn.Sequential(PerceiverAttention(dim, heads, head_dim), _build_feed_forward(dim))
            for _ in range(depth)
        )
        self.proj_out, self.norm_out = nn.Linear(dim, dim), nn.LayerNorm(dim)

    def forward(self, features: Tensor) -> Tensor:
        features = self.proj_in(features)
        tokens = self.latents.expand(len(features), -1, -1)
        for layer in self.layers:
            attend, feed_forward = layer.children()
            tokens = tokens + attend(features, tokens)
            tokens = tokens + feed_forward(tokens)
        return self.norm_out(self.proj_out(tokens))


def _build_feed_forward(dim: int) -> nn.Sequential:
    wide = nn.Linear(dim, 4 * dim, bias=False)
    return nn.Sequential(nn.LayerNorm(dim), wide, nn.GELU(), nn.Linear(4 * dim, dim, bias=False))
