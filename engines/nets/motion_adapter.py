"""MotionRAG's Motion-Adapter: motion tokens condition the attention of an unchanged base model."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

KeysAndValues = tuple[Tensor, Tensor]


class MotionAdapter(nn.Module):
    """What one attention of the base gets from motion tokens (motionrag.md, 4.1).

    With a(h) the attention's heads, joined, before its output projection: MHA(Wq a(h), Wk M, Wv M).
    Lists of one layer, as released checkpoints name them.
    """

    def __init__(self, channels: int, heads: int, dim: int = 1024) -> None:
        super().__init__()
        self.heads = heads
        self.to_q_ip = nn.ModuleList([nn.Linear(channels, channels, bias=False)])
        self.to_k_ip = nn.ModuleList([nn.Linear(dim, channels, bias=False)])
        self.to_v_ip = nn.ModuleList([nn.Linear(dim, channels, bias=False)])

    def precompute(self, motion: Tensor) -> KeysAndValues:
        """Keys and values (B, heads, n, C / heads) of tokens (B, n, dim), the same at all steps."""
        return self._split(self.to_k_ip[0](motion)), self._split(self.to_v_ip[0](motion))

    def forward(self, attended: Tensor, context: KeysAndValues) -> Tensor:
        """What is added to (r B, n, C): r rows in a row belong to one set of motion tokens.

        A ValueError where they do not come out even.
        """
        times, rest = divmod(len(attended), len(context[0]))
        if rest:
            rows, sets = len(attended), len(context[0])
            raise ValueError(f"{rows} rows of the base model for {sets} sets of motion tokens")
        keys, values = (part.repeat_interleave(times, dim=0) for part in context)
        query = self._split(self.to_q_ip[0](attended))
        return (
            functional.scaled_dot_product_attention(query, keys, values).transpose(1, 2).flatten(2)
        )

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


@dataclass(frozen=True)
class Conditioning:
    """What adapters add: keys and values of each, for no motion and for the motion asked for.

    `guidance` is how far the motion is followed beyond the guidance of the base: at 1 not at all.
    """

    contexts: Sequence[KeysAndValues]
    scale: float
    guidance: float
    batch: int = 0  # of the base's present call; half as many rows as sets where nothing guides
    still: bool = False  # all rows get no motion


class MotionAdapters(nn.Module):
    """The adapters of a base model's attentions: `sites` has their names, channels and heads.

    They hang on the output projections, whose input is a(h), so that any attention processor of
    diffusers, and any of its kernels, stays as it is; without tokens, or at scale 0, the base
    computes what it does without them, to the bit.
    """

    def __init__(self, sites: Mapping[str, tuple[int, int]], dim: int = 1024) -> None:
        super().__init__()
        self.sites = list(sites)  # beside their adapters: a ModuleDict takes no names with dots
        self.adapters = nn.ModuleList(MotionAdapter(*site, dim) for site in sites.values())
        self._active: Conditioning | None = None

    def attach(self, base: nn.Module) -> None:
        """Hangs the adapters on a base that has these sites, for good."""
        base.register_forward_pre_hook(self._count_rows, with_kwargs=True)
        base.register_forward_hook(self._guide, with_kwargs=True)
        for number, name in enumerate(self.sites):
            projection = base.get_submodule(f"{name}.to_out.0")
            projection.register_forward_pre_hook(partial(self._add_motion, number))

    @contextmanager
    def condition_on(
        self, motion: Tensor | None, null: Tensor, scale: float = 1.0, guidance: float = 1.0
    ) -> Iterator[None]:
        """Within the block the base is conditioned by motion tokens (B, n, dim), or by none.

        `null` (1, n, dim) are those of no motion, for the rows without a text that guide the
        others. Keys and values are computed once. In a block within another the inner one holds.
        """
        outer, self._active = self._active, None
        if motion is not None and scale != 0:
            sets = torch.cat([null.expand_as(motion), motion])
            contexts = [adapter.precompute(sets) for adapter in self._list_adapters()]
            self._active = Conditioning(contexts, scale, guidance)
        try:
            yield
        finally:
            self._active = outer

    def _count_rows(
        self, base: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> None:
        if self._active:
            rows = next(
                v for v in (*arguments, *named.values()) if isinstance(v, Tensor) and v.dim()
            )
            self._active = replace(self._active, batch=len(rows))

    def _guide(
        self, base: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any
    ) -> Any:
        """e(c, none) + g (e(c, M) - e(c, none)) for the rows with a text c, by a second pass."""
        active = self._active
        if not active or active.guidance == 1 or active.still:
            return output
        self._active = replace(active, still=True)
        try:
            still = base(*arguments, **named)[0]
        finally:
            self._active = active
        guided = still + active.guidance * (output[0] - still)
        if isinstance(output, tuple):
            return (guided, *output[1:])
        return type(output)(guided)

    def _add_motion(
        self, number: int, _: nn.Module, arguments: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...] | None:
        active = self._active
        if not active:
            return None
        attended, *rest = arguments
        keys, values = active.contexts[number]
        half = len(keys) // 2
        if active.batch not in (half, 2 * half):
            raise ValueError(f"{active.batch} rows of the base for motion tokens of {half}")
        chosen = torch.arange(2 * half)[-active.batch :] % (half if active.still else 2 * half)
        context = keys[chosen], values[chosen]
        return (attended + active.scale * self._list_adapters()[number](attended, context), *rest)

    def _list_adapters(self) -> list[MotionAdapter]:
        return [part for part in self.adapters if isinstance(part, MotionAdapter)]
