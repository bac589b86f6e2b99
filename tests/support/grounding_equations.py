"""Parts of Grounding DINO as in its papers, with published names, in loops of float64.

Swin transformer (Liu et al. 2021), deformable attention (Zhu et al. 2021, equation 3), fusion of
image and text (Liu et al. 2023, section 3.1).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import multi_head_attention_forward

from support.sam_equations import State, gelu, linear
from support.sam_equations import norm as normed

Levels = list[tuple[int, int]]  # height and width


def norm(state: State, name: str, x: Tensor) -> Tensor:
    return normed(state, name, x, 1e-5)


def heads(state: State, name: str, q: Tensor, k: Tensor, v: Tensor, count: int, mask=None):
    """torch's own multi-head attention, of one fused matrix: (n, C) of (n, C) over (m, C)."""
    return multi_head_attention_forward(
        q, k, v, q.shape[1], count, state[f"{name}.in_proj_weight"], state[f"{name}.in_proj_bias"],
        None, None, False, 0.0, state[f"{name}.out_proj.weight"], state[f"{name}.out_proj.bias"],
        training=False, attn_mask=mask,
    )[0]  # fmt: skip


def feed_forward(state: State, name: str, x: Tensor) -> Tensor:
    return linear(state, f"{name}.linear2", linear(state, f"{name}.linear1", x).relu())


def swin_block(state: State, name: str, x: Tensor, count: int, side: int, shift: int) -> Tensor:
    """(h, w, C) of (h, w, C): attention in shifted windows, of what lay together before."""
    height, width, channels = x.shape
    rows, columns = math.ceil(height / side) * side, math.ceil(width / side) * side
    padded = torch.zeros(rows, columns, channels, dtype=x.dtype)
    padded[:height, :width] = norm(state, f"{name}.norm1", x)
    attended = torch.zeros_like(padded)
    for top in range(0, rows, side):
        for left in range(0, columns, side):
            places = [
                ((top + r + shift), (left + c + shift)) for r in range(side) for c in range(side)
            ]
            turned = [(row >= rows, column >= columns) for row, column in places]
            seen = torch.stack([padded[row % rows, column % columns] for row, column in places])
            out = _window(state, f"{name}.attn", seen, turned, count, side)
            for (row, column), value in zip(places, out, strict=True):
                attended[row % rows, column % columns] = value
    x = x + attended[:height, :width]
    inner = gelu(linear(state, f"{name}.mlp.fc1", norm(state, f"{name}.norm2", x)))
    return x + linear(state, f"{name}.mlp.fc2", inner)


def _window(state: State, name: str, x: Tensor, turned: list, count: int, side: int) -> Tensor:
    channels = x.shape[1]
    size, table = channels // count, state[f"{name}.relative_position_bias_table"]
    fused, found = linear(state, f"{name}.qkv", x), []
    for head in range(count):
        q, k, v = (
            fused[:, which * channels + head * size : which * channels + (head + 1) * size]
            for which in range(3)
        )
        scores = q @ k.T / math.sqrt(size)
        for i in range(side * side):
            for j in range(side * side):
                row, column = i // side - j // side + side - 1, i % side - j % side + side - 1
                apart = turned[i] != turned[j]
                scores[i, j] += table[row * (2 * side - 1) + column, head] - 100 * apart
        found.append(scores.softmax(-1) @ v)
    return linear(state, f"{name}.proj", torch.cat(found, 1))


def merge_patches(state: State, name: str, x: Tensor) -> Tensor:
    """(h / 2, w / 2, 2C) of (h, w, C): four neighbours, down each column first."""
    four = [x[row::2, column::2] for column in range(2) for row in range(2)]
    return norm(state, f"{name}.norm", torch.cat(four, -1)) @ state[f"{name}.reduction.weight"].T


def deformable(
    state: State, name: str, asked: Tensor, values: Tensor, levels: Levels, places: Tensor
) -> Tensor:
    """(n, C): 8 heads look at a few points of each level around (n, 2), or in boxes (n, 4)."""
    values = linear(state, f"{name}.value_proj", values)
    offsets = linear(state, f"{name}.sampling_offsets", asked)
    offsets = offsets.view(len(asked), 8, len(levels), -1, 2)
    points, size = offsets.shape[3], values.shape[1] // 8
    weights = linear(state, f"{name}.attention_weights", asked).view(len(asked), 8, -1)
    weights = weights.softmax(-1).view(len(asked), 8, len(levels), points)
    out = torch.zeros(len(asked), 8, size, dtype=values.dtype)
    starts = [sum(h * w for h, w in levels[:n]) for n in range(len(levels))]
    for level, (height, width) in enumerate(levels):
        plane = values[starts[level] : starts[level] + height * width].view(height, width, 8, size)
        for query in range(len(asked)):
            for head in range(8):
                for point in range(points):
                    by = offsets[query, head, level, point]
                    if places.shape[1] == 2:
                        at = places[query] + by / torch.tensor([width, height])
                    else:
                        at = places[query, :2] + by / points * places[query, 2:] / 2
                    seen = _sample_bilinear(
                        plane[:, :, head], at[0] * width - 0.5, at[1] * height - 0.5
                    )
                    out[query, head] += weights[query, head, level, point] * seen
    return linear(state, f"{name}.output_proj", out.flatten(1))


def _sample_bilinear(plane: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear between the four pixels around a point, with zeros outside."""
    height, width, size = plane.shape
    left, top, seen = math.floor(x), math.floor(y), torch.zeros(size, dtype=plane.dtype)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < height and 0 <= column < width:
                seen += (1 - abs(x - column)) * (1 - abs(y - row)) * plane[row, column]
    return seen


def fuse_image_and_text(
    state: State, name: str, image: Tensor, text: Tensor
) -> tuple[Tensor, Tensor]:
    """Image and text after cross-attention both ways, by one score matrix of 4 heads."""
    image = norm(state, f"{name}.layer_norm_v", image)
    text = norm(state, f"{name}.layer_norm_l", text)
    names = ("v_proj", "l_proj", "values_v_proj", "values_l_proj")
    ways = (image, text, image, text)
    q, k, seen, read = (
        linear(state, f"{name}.attn.{n}", x) for n, x in zip(names, ways, strict=True)
    )
    size, of_text, of_image = q.shape[1] // 4, [], []
    for head in range(4):
        part = slice(head * size, (head + 1) * size)
        scores = q[:, part] @ k[:, part].T / math.sqrt(size)
        of_text.append(scores.softmax(-1) @ read[:, part])
        of_image.append(scores.T.softmax(-1) @ seen[:, part])
    by_text = linear(state, f"{name}.attn.out_v_proj", torch.cat(of_text, 1))
    by_image = linear(state, f"{name}.attn.out_l_proj", torch.cat(of_image, 1))
    return image + state[f"{name}.gamma_v"] * by_text, text + state[f"{name}.gamma_l"] * by_image


def enhance_text(state: State, name: str, text: Tensor, places: Tensor, apart: Tensor) -> Tensor:
    """Texts after self-attention within their phrases."""
    asked = text + places
    seen = heads(state, f"{name}.self_attn", asked, asked, text, 4, apart)
    text = norm(state, f"{name}.norm1", text + seen)
    return norm(state, f"{name}.norm2", text + feed_forward(state, name, text))


def encode_image(
    state: State, name: str, image: Tensor, where: Tensor, levels: Levels, places: Tensor
) -> Tensor:
    seen = deformable(state, f"{name}.self_attn", image + where, image, levels, places)
    image = norm(state, f"{name}.norm1", image + seen)
    return norm(state, f"{name}.norm2", image + feed_forward(state, name, image))


def decode_queries(
    state: State, name: str, asked: Tensor, where: Tensor, text: Tensor, image: Tensor,
    levels: Levels, boxes: Tensor,
) -> Tensor:  # fmt: skip
    """Queries after themselves, the text, and the image: in this order."""
    q = asked + where
    asked = norm(state, f"{name}.norm2", asked + heads(state, f"{name}.self_attn", q, q, asked, 8))
    read = heads(state, f"{name}.ca_text", asked + where, text, text, 8)
    asked = norm(state, f"{name}.catext_norm", asked + read)
    seen = deformable(state, f"{name}.cross_attn", asked + where, image, levels, boxes)
    asked = norm(state, f"{name}.norm1", asked + seen)
    return norm(state, f"{name}.norm3", asked + feed_forward(state, name, asked))
