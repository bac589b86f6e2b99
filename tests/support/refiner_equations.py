"""The refiners' networks as their papers have them, in plain functions and loops over heads."""

import math

import torch
from torch.nn import functional

State = dict[str, torch.Tensor]


def conv(state: State, name: str, x, **options):
    apply = functional.conv2d if x.ndim == 4 else functional.conv3d
    return apply(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **options)


def linear(state: State, name: str, x):
    y = x @ state[f"{name}.weight"].T
    return y + state[f"{name}.bias"] if f"{name}.bias" in state else y


def soft_attention(q, k, v, bias=0.0):
    """Rows (…, n, d) to rows (…, m, d)."""
    similarity = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias
    weights = (similarity - similarity.amax(-1, keepdim=True)).exp()
    return weights / weights.sum(-1, keepdim=True) @ v


def batch_norm(state: State, name: str, x):
    shape = (1, -1, *[1] * (x.ndim - 2))
    mean, var = state[f"{name}.running_mean"].view(shape), state[f"{name}.running_var"].view(shape)
    scaled = (x - mean) / (var + 1e-5).sqrt() * state[f"{name}.weight"].view(shape)
    return scaled + state[f"{name}.bias"].view(shape)


# The U-Net.


def resnet(state: State, name: str, x):
    h = x
    for block in ("block1", "block2"):
        h = conv(state, f"{name}.{block}.proj", h, padding=(0, 1, 1))
        groups = h.reshape(len(h), 8, -1)
        mean, var = groups.mean(-1, keepdim=True), groups.var(-1, unbiased=False, keepdim=True)
        h = ((groups - mean) / (var + 1e-5).sqrt()).view_as(h)
        shape = (1, -1, 1, 1, 1)
        norm = f"{name}.{block}.norm"
        h = h * state[f"{norm}.weight"].view(shape) + state[f"{norm}.bias"].view(shape)
        h = h * torch.sigmoid(h)
    return h + (conv(state, f"{name}.res_conv", x) if f"{name}.res_conv.weight" in state else x)


def pre_norm(state: State, name: str, x):
    mean, var = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
    return (x - mean) / (var + 1e-5).sqrt() * state[f"{name}.norm.gamma"]


def turn(x):
    """Rotary positions of rows (…, n, d), pair by pair."""
    out, width = x.clone(), min(32, x.shape[-1])
    for place in range(x.shape[-2]):
        for pair in range(0, width, 2):
            angle = place / 10_000 ** (pair / width)
            a, b = x[..., place, pair], x[..., place, pair + 1]
            out[..., place, pair] = a * math.cos(angle) - b * math.sin(angle)
            out[..., place, pair + 1] = a * math.sin(angle) + b * math.cos(angle)
    return out


def bucket(back: int) -> int:
    """T5's bucket of how far back a key is, of 32, and 32 frames at most."""
    side, n = (16 if back < 0 else 0), abs(back)
    if n < 8:
        return side + n
    return side + min(15, 8 + int(math.log(n / 8) / math.log(32 / 8) * 8))


def attend(state: State, name: str, rows, heads: int, time: bool):
    """Rows (N, n, C): attention head by head, with positions and T5's bias over time."""
    q, k, v = linear(state, f"{name}.to_qkv", rows).chunk(3, -1)
    width, out = q.shape[-1] // heads, []
    table = state["time_rel_pos_bias.relative_attention_bias.weight"]
    for head in range(heads):
        part, bias = slice(head * width, (head + 1) * width), 0.0
        queries, keys = q[..., part], k[..., part]
        if time:
            queries, keys, n = turn(queries), turn(keys), rows.shape[1]
            bias = torch.stack(
                [torch.stack([table[bucket(i - j), head] for j in range(n)]) for i in range(n)]
            )
        out.append(soft_attention(queries, keys, v[..., part], bias))
    return linear(state, f"{name}.to_out", torch.cat(out, -1))


def over_time(state: State, name: str, x, heads: int):
    y, out = pre_norm(state, f"{name}.fn", x), torch.empty_like(x)
    for row in range(x.shape[3]):
        for column in range(x.shape[4]):
            pixels = y[:, :, :, row, column].transpose(1, 2)
            told = attend(state, f"{name}.fn.fn.fn", pixels, heads, time=True)
            out[:, :, :, row, column] = told.transpose(1, 2)
    return x + out


def over_space(state: State, name: str, x, heads: int, linear_kernel: bool):
    y, out = pre_norm(state, f"{name}.fn", x), torch.empty_like(x)
    for frame in range(x.shape[2]):
        picture = y[:, :, frame]
        if not linear_kernel:
            rows = picture.flatten(2).transpose(1, 2)
            told = attend(state, f"{name}.fn.fn.fn", rows, heads, time=False)
            out[:, :, frame] = told.transpose(1, 2).view_as(picture)
            continue
        q, k, v = conv(state, f"{name}.fn.fn.to_qkv", picture).flatten(2).chunk(3, 1)
        width, parts = q.shape[1] // heads, []
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            queries = q[:, part].softmax(1) / math.sqrt(width)
            context = torch.einsum("bdn,ben->bde", k[:, part].softmax(-1), v[:, part])
            parts.append(torch.einsum("bde,bdn->ben", context, queries))
        mixed = torch.cat(parts, 1).view(len(x), -1, *picture.shape[2:])
        out[:, :, frame] = conv(state, f"{name}.fn.fn.to_out", mixed)
    return x + out


def unet_start(state: State, x, heads: int):
    x = conv(state, "init_conv", x, padding=(0, 3, 3))
    return over_time(state, "init_temporal_attn", x, heads)


def unet_end(state: State, x, stem):
    x = resnet(state, "final_conv.0", torch.cat([x, stem], 1))
    return conv(state, "final_conv.1", x)


def stream(state: State, name: str, x, heads: int):
    """A level's features before its attention, and after."""
    before = resnet(state, f"{name}.1", resnet(state, f"{name}.0", x))
    after = over_space(state, f"{name}.2", before, heads, linear_kernel=True)
    return before, over_time(state, f"{name}.3", after, heads)


def middle(state: State, x, heads: int):
    x = over_space(state, "mid_spatial_attn", x, heads, linear_kernel=False)
    return over_time(state, "mid_temporal_attn", x, heads)


def down(state: State, name: str, x):
    return conv(state, name, x, stride=(1, 2, 2), padding=(0, 1, 1))


def up(state: State, name: str, x):
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return functional.conv_transpose3d(x, weight, bias, (1, 2, 2), (0, 1, 1))


def unet(state: State, x, heads: int, levels: int):
    """The plain U-Net's last convolution, before its sigmoid or residual."""
    x = stem = unet_start(state, x, heads)
    skips = []
    for level in range(levels):
        _, x = stream(state, f"downs.{level}", x, heads)
        skips.append(x)
        if level < levels - 1:
            x = down(state, f"downs.{level}.4", x)
    x = resnet(state, "mid_block1", x)
    x = resnet(state, "mid_block2", middle(state, x, heads))
    for level in range(levels):
        _, x = stream(state, f"ups.{level}", torch.cat([x, skips.pop()], 1), heads)
        if level < levels - 1:
            x = up(state, f"ups.{level}.4", x)
    return unet_end(state, x, stem)


# The augmented U-Net.


def between_heads(state: State, name: str, x, heads: int):
    y = pre_norm(state, f"{name}.fn", x)
    q, k, v = conv(state, f"{name}.fn.fn.to_qkv", y).flatten(2).chunk(3, 1)
    width = q.shape[1] // heads
    out = torch.empty_like(q)
    for channel in range(width):  # of a head: rows of heads, each with all voxels
        rows = slice(channel, None, width)
        similarity = torch.einsum("hn,gn->hg", q[0, rows], k[0, rows]) / math.sqrt(width)
        out[0, rows] = similarity.softmax(-1) @ v[0, rows]
    return x + conv(state, f"{name}.fn.fn.to_out", out.view(len(x), -1, *x.shape[2:]))


def combine(state: State, name: str, x):
    depthwise = conv(state, f"{name}.depthwise", x, padding=1, groups=x.shape[1])
    h = conv(state, f"{name}.pointwise", depthwise)
    h = batch_norm(state, f"{name}.bn1", h.clamp(min=0))
    h = conv(state, f"{name}.conv", h, padding=1).clamp(min=0)
    h = batch_norm(state, f"{name}.bn2", h)
    gate = conv(state, f"{name}.gate.2", conv(state, f"{name}.gate.0", h).clamp(min=0))
    return h * torch.sigmoid(gate) + conv(state, f"{name}.shortcut", x)


def augmented(state: State, x, heads: int, levels: int):
    """Of one clip, as `unet`."""
    x = stem = unet_start(state, x, heads)
    skips = []
    for level in range(levels):
        before, x = stream(state, f"downs.{level}", x, heads)
        skips.append((before, x))
        if level < levels - 1:
            name = f"downs.{level}.4"
            x = combine(state, f"{name}.1", down(state, f"{name}.0", x))
    x = resnet(state, "mid_block1", x)
    other = between_heads(state, "mid_channel_attn", x, heads)
    x = combine(state, "mid_combiner", torch.cat([middle(state, x, heads), other], 1))
    x = resnet(state, "mid_block2", x)
    for level in range(levels):
        name, (before, after) = f"ups.{level}", skips.pop()
        _, one = stream(state, f"{name}.spatial_stream", torch.cat([x, after], 1), heads)
        other, channels = torch.cat([x, before], 1), f"{name}.channel_stream"
        other = resnet(state, f"{channels}.1", resnet(state, f"{channels}.0", other))
        other = between_heads(state, f"{channels}.2", other, heads)
        x = combine(state, f"{name}.combiner", torch.cat([one, other], 1))
        if level < levels - 1:
            x = up(state, f"{name}.up", x)
    return unet_end(state, x, stem)


# VideoGPT's autoencoder.


def same_sides(kernel: int, stride) -> list[int]:
    sides: list[int] = []
    for step in stride[::-1]:
        lacking = kernel - step
        sides += [lacking - lacking // 2, lacking // 2]
    return sides


def same_conv(state: State, name: str, x, stride=(1, 1, 1)):
    kernel = state[f"{name}.conv.weight"].shape[-1]
    return conv(state, f"{name}.conv", functional.pad(x, same_sides(kernel, stride)), stride=stride)


def axial(state: State, name: str, x):
    """The sum over three axes, each row of pixels by itself."""
    last, total = x.permute(0, 2, 3, 4, 1), 0
    for letter, axis in (("w", 3), ("h", 2), ("t", 1)):
        part, rows = f"{name}.attn_{letter}", last.transpose(axis, 3)
        q, k, v = (linear(state, f"{part}.w_{kind}s", rows) for kind in "qkv")
        half = q.shape[-1] // 2
        heads = [
            soft_attention(q[..., head], k[..., head], v[..., head])
            for head in (slice(half), slice(half, None))
        ]
        total = total + linear(state, f"{part}.fc", torch.cat(heads, -1)).transpose(axis, 3)
    return total.permute(0, 4, 1, 2, 3)


def residuals(state: State, name: str, x, layers: int):
    for layer in range(layers):
        block, h = f"{name}.{layer}.block", x
        for norm, then in ((0, 2), (3, 5)):
            h = batch_norm(state, f"{block}.{norm}", h).clamp(min=0)
            h = same_conv(state, f"{block}.{then}", h)
        x = x + axial(state, f"{block}.8", batch_norm(state, f"{block}.6", h).clamp(min=0))
    return batch_norm(state, f"{name}.{layers}", x).clamp(min=0)


def vq(state: State, x, layers: int, strides):
    """The clip decoded, and its codes."""
    for level, stride in enumerate(strides):
        x = same_conv(state, f"encoder.convs.{level}", x, stride).clamp(min=0)
    x = residuals(state, "encoder.res_stack", same_conv(state, "encoder.conv_last", x), layers)
    z = same_conv(state, "pre_vq_conv", x).movedim(1, -1)
    codes = torch.cdist(z.flatten(0, -2), state["codebook.embeddings"]).argmin(-1)
    x = state["codebook.embeddings"][codes].view(z.shape).movedim(-1, 1)
    x = residuals(state, "decoder.res_stack", same_conv(state, "post_vq_conv", x), layers)
    for level, stride in enumerate(strides):
        name, padded = f"decoder.convts.{level}.convt", functional.pad(x, same_sides(4, stride))
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        x = functional.conv_transpose3d(padded, weight, bias, stride, 3)
        x = x.clamp(min=0) if level < len(strides) - 1 else x
    return x, codes


# FuseFormer's generator.


def leaky(x):
    return torch.where(x > 0, x, 0.2 * x)


def layer_norm(state: State, name: str, x):
    mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    scaled = (x - mean) / (var + 1e-5).sqrt()
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def encode_frames(state: State, x):
    for place, stride in enumerate((2, 1, 2, 1)):
        x = leaky(conv(state, f"encoder.layers.{2 * place}", x, stride=stride, padding=1))
    middle = x
    x = leaky(conv(state, "encoder.layers.8", x, padding=1))
    for place, groups in enumerate((2, 4, 8, 1), start=5):
        mixed = []
        for a, b in zip(middle.chunk(groups, 1), x.chunk(groups, 1), strict=True):
            mixed += [a, b]
        name = f"encoder.layers.{2 * place}"
        x = leaky(conv(state, name, torch.cat(mixed, 1), padding=1, groups=groups))
    return x


def cut(x):
    """Patches (N, n, C x 49) of 7 x 7 pixels, every third, of (N, C, h, w) with a border of 3."""
    padded, (height, width) = functional.pad(x, [3] * 4), x.shape[2:]
    return torch.stack(
        [
            padded[:, :, top : top + 7, left : left + 7].flatten(1)
            for top in range(0, height, 3)
            for left in range(0, width, 3)
        ],
        dim=1,
    )


def paste(patches, channels: int, height: int, width: int):
    """Patches added up where they were cut, and how many there are at each place."""
    total = patches.new_zeros(len(patches), channels, height + 6, width + 6)
    counts = torch.zeros_like(total)
    corners = [(top, left) for top in range(0, height, 3) for left in range(0, width, 3)]
    for number, (top, left) in enumerate(corners):
        place = (slice(None), slice(None), slice(top, top + 7), slice(left, left + 7))
        total[place] += patches[:, number].view(-1, channels, 7, 7)
        counts[place] += 1
    inner = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    return total[inner], counts[inner]


def double(x):
    """Twice the size, bilinearly, with the corner pixels where they were."""
    for axis in (2, 3):
        size = x.shape[axis]
        at = torch.arange(2 * size, dtype=x.dtype) * (size - 1) / (2 * size - 1)
        low = at.floor().long().clamp(max=size - 2)
        share = (at - low).view([-1 if axis == n else 1 for n in range(4)])
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, low + 1) * share
    return x


def fuse(state: State, clip, blocks: int, heads: int):
    """One clip (1, 3, T, H, W)."""
    features = encode_frames(state, clip[0].transpose(0, 1))
    height, width = features.shape[2:]
    tokens = linear(state, "ss.embedding", cut(features)) + state["add_pos_emb.pos_emb"][0]
    frames, patches, hidden = tokens.shape
    x = tokens.reshape(1, frames * patches, hidden)
    for block in range(blocks):
        name = f"transformer.{block}"
        y, parts = layer_norm(state, f"{name}.norm1", x), []
        q, k, v = (
            linear(state, f"{name}.attention.{kind}_embedding", y)
            for kind in ("query", "key", "value")
        )
        for head in range(heads):
            part = slice(head * hidden // heads, (head + 1) * hidden // heads)
            parts.append(soft_attention(q[..., part], k[..., part], v[..., part]))
        x = x + linear(state, f"{name}.attention.output_linear", torch.cat(parts, -1))
        y = linear(state, f"{name}.ffn.conv1.0", layer_norm(state, f"{name}.norm2", x))
        total, counts = paste(y.view(frames, patches, -1), 40, height, width)
        y = cut(total / counts).reshape(1, frames * patches, -1).clamp(min=0)
        x = x + linear(state, f"{name}.ffn.conv2.2", y)
    composed = linear(state, "sc.embedding", x.view(frames, patches, hidden))
    total, _ = paste(composed, 128, height, width)
    x = features + total + state["sc.bias"]
    x = leaky(conv(state, "decoder.0.conv", double(x), padding=1))
    x = leaky(conv(state, "decoder.2", x, padding=1))
    x = leaky(conv(state, "decoder.4.conv", double(x), padding=1))
    return conv(state, "decoder.6", x, padding=1).tanh().transpose(0, 1)[None]
