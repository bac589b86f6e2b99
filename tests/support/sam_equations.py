"""Parts of SAM as in Kirillov et al. 2023, with published names, in loops of float64."""

import math

import torch
from torch import Tensor

State = dict[str, Tensor]


def linear(state: State, name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def norm(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    y = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + eps).sqrt()
    return y * state[f"{name}.weight"] + state[f"{name}.bias"]


def gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def block(state: State, name: str, x: Tensor, heads: int, window: int | None) -> Tensor:
    """(h, w, C) of (h, w, C): attention in windows or over the whole grid, then two layers."""
    seen = norm(state, f"{name}.norm1", x, 1e-6)
    height, width, channels = x.shape
    side = window or height
    rows, columns = math.ceil(height / side), math.ceil(width / side)
    padded = torch.zeros(rows * side, columns * side, channels, dtype=x.dtype)
    padded[:height, :width] = seen
    for top in range(0, rows * side, side):
        for left in range(0, columns * side, side):
            part = slice(top, top + side), slice(left, left + side)
            padded[part] = attention(state, f"{name}.attn", padded[part].clone(), heads)
    x = x + padded[:height, :width]
    inner = gelu(linear(state, f"{name}.mlp.lin1", norm(state, f"{name}.norm2", x, 1e-6)))
    return x + linear(state, f"{name}.mlp.lin2", inner)


def attention(state: State, name: str, x: Tensor, heads: int) -> Tensor:
    """Attention over all positions of (s, s, C), with relative position terms."""
    side, _, channels = x.shape
    size = channels // heads
    fused = linear(state, f"{name}.qkv", x.reshape(-1, channels))
    down, across = state[f"{name}.rel_pos_h"], state[f"{name}.rel_pos_w"]
    found = []
    for head in range(heads):
        q, k, v = (
            fused[:, which * channels + head * size : which * channels + (head + 1) * size]
            for which in range(3)
        )
        scores = q @ k.T / math.sqrt(size)
        for asked in range(side * side):
            for key in range(side * side):
                row = asked // side - key // side + side - 1
                column = asked % side - key % side + side - 1
                scores[asked, key] += q[asked] @ down[row] + q[asked] @ across[column]
        found.append(scores.softmax(-1) @ v)
    return linear(state, f"{name}.proj", torch.cat(found, 1)).view(side, side, channels)


def mlp(state: State, name: str, x: Tensor) -> Tensor:
    for layer in range(3):
        x = linear(state, f"{name}.layers.{layer}", x if layer == 0 else x.relu())
    return x


def between(state: State, name: str, asked: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """The mask decoder's attention: 8 heads, of (n, C) over (m, C)."""
    q, k, v = (
        linear(state, f"{name}.{which}_proj", of)
        for which, of in (("q", asked), ("k", keys), ("v", values))
    )
    size, found = q.shape[1] // 8, []
    for head in range(8):
        part = slice(head * size, (head + 1) * size)
        found.append((q[:, part] @ k[:, part].T / math.sqrt(size)).softmax(-1) @ v[:, part])
    return linear(state, f"{name}.out_proj", torch.cat(found, 1))


def two_way(state: State, name: str, tokens: Tensor, image: Tensor, places: Tensor, first: bool):
    """Tokens (n, C) and image (m, C) after each has looked at the other."""
    prompt = tokens
    if first:
        seen = between(state, f"{name}.self_attn", tokens, tokens, tokens)
    else:
        asked = tokens + prompt
        seen = tokens + between(state, f"{name}.self_attn", asked, asked, tokens)
    seen = norm(state, f"{name}.norm1", seen, 1e-5)
    to_image = f"{name}.cross_attn_token_to_image"
    seen = seen + between(state, to_image, seen + prompt, image + places, image)
    seen = norm(state, f"{name}.norm2", seen, 1e-5)
    inner = linear(state, f"{name}.mlp.lin1", seen).relu()
    seen = norm(state, f"{name}.norm3", seen + linear(state, f"{name}.mlp.lin2", inner), 1e-5)
    to_token = f"{name}.cross_attn_image_to_token"
    image = image + between(state, to_token, image + places, seen + prompt, seen)
    return seen, norm(state, f"{name}.norm4", image, 1e-5)
