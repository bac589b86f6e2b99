"""RAGME's equations as written (arXiv 2504.06672), in loops: no caching, hooks or fusion."""

import math

import torch


def linear(state, name, x):
    y = x @ state[f"{name}.weight"].T
    return y + state[f"{name}.bias"] if f"{name}.bias" in state else y


def layer_norm(x, state=None, name=""):
    y = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    return y if state is None else y * state[f"{name}.weight"] + state[f"{name}.bias"]


def attention(state, name, x, context):
    """8 heads, one after another, of tokens (m, C) to tokens (n, D)."""
    q, k, v = linear(state, f"{name}.to_q", x), linear(state, f"{name}.to_k", context), None
    v = linear(state, f"{name}.to_v", context)
    size, out = q.shape[1] // 8, []
    for head in range(8):
        part = slice(head * size, (head + 1) * size)
        weights = torch.softmax(q[:, part] @ k[:, part].T / math.sqrt(size), dim=-1)
        out.append(weights @ v[:, part])
    return linear(state, f"{name}.to_out.0", torch.cat(out, dim=1))


def feed_forward(state, name, x):
    wide = linear(state, f"{name}.net.0.proj", x)
    value, gate = wide[:, : wide.shape[1] // 2], wide[:, wide.shape[1] // 2 :]
    gelu = gate * 0.5 * (1 + torch.erf(gate / math.sqrt(2)))
    return linear(state, f"{name}.net.2", value * gelu)


def encode(state, config, frames):
    """Tokens (n, D) of one clip's frame vectors (F, D)."""
    x = torch.cat([state["cls_token"][0], frames]) if config.tokens == "cls" else frames
    for i in range(config.layers):
        normed = layer_norm(x, state, f"body.{i}.norm1")
        x = x + attention(state, f"body.{i}.attn1", normed, normed)
        x = x + feed_forward(state, f"body.{i}.ff", layer_norm(x, state, f"body.{i}.norm3"))
    return {"cls": x[:1], "mean": x.mean(0, keepdim=True), "all": x}[config.tokens]


def norm(state, config, name, x, t, temb):
    if config.norm == "layer":
        return layer_norm(x, state, name)
    if config.norm == "learned":
        signal = state[f"{name}.emb.weight"][int(t)]
        signal = signal * torch.sigmoid(signal)
    else:
        signal = temb
    scale, shift = linear(state, f"{name}.linear", signal).chunk(2)
    return layer_norm(x) * (1 + scale) + shift


def block(state, config, name, q, z, t, temb):
    """W of queries (m, C), which are frames of one place, and tokens (n, D)."""
    if config.mode == "add":
        x = norm(state, config, f"{name}.norm_in", linear(state, f"{name}.in_layer", z), t, temb)
        x = x + q
        for layer in (0, 3):
            x = linear(state, f"{name}.body.{layer}", x)
            x = x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
            x = norm(state, config, f"{name}.norm_in", x, t, temb)
        return x
    normed = norm(state, config, f"{name}.norm1", q, t, temb)
    context = z if config.only_cross_attention else normed
    u = q + attention(state, f"{name}.attn1", normed, context)
    normed = norm(state, config, f"{name}.norm2", u, t, temb)
    v = u + attention(state, f"{name}.attn2", normed, z)
    return v + feed_forward(state, f"{name}.ff", layer_norm(v, state, f"{name}.norm3"))


def compute_residual(state, config, j, h, clips, t, temb):
    """R (T, C, H, W) for features (T, C, H, W) of one sample and the clips that it has.

    Section 3.4 of ragme.md: mode `add` is "+ spatial mean of h", without averages to choose from.
    """
    add = config.mode == "add"
    spatial, temporal = config.spatial_average or add, config.temporal_average and not add
    encoded = [encode(state, config, clip) for clip in clips]
    loop = config.videos == "loop" and config.mode != "add"
    z = torch.cat(encoded) if loop else torch.stack(encoded).mean(0)
    p = h.mean(dim=(2, 3), keepdim=True) if spatial else h
    out = torch.zeros_like(h)
    for y in range(p.shape[2]):
        for x in range(p.shape[3]):
            q = p[:, :, y, x]
            q = q.mean(0, keepdim=True) if temporal else q
            w = block(state, config, f"infuser.blocks.{j}", q, z, t, temb)
            gate = f"infuser.zero_convs.{j}"
            r = w @ state[f"{gate}.weight"][:, :, 0, 0].T + state[f"{gate}.bias"]
            r = r[:, :, None, None]
            if spatial:
                out = out + r
            else:
                out[:, :, y : y + 1, x : x + 1] += r
    return out


def unet_forward(unet, sample, timesteps, text, add):
    """diffusers' UNet3DConditionModel, part by part, with h <- add(j, h, temb) at the sites."""
    t_emb = unet.time_proj(timesteps).to(sample.dtype)
    temb = unet.time_embedding(t_emb)
    batch, frames = sample.shape[0], sample.shape[2]
    wide, context = temb.repeat_interleave(frames, 0), text.repeat_interleave(frames, 0)
    site = iter(range(99))

    def attend(block, layer, h):
        h = block.resnets[layer](h, wide)
        h = block.temp_convs[layer](h, num_frames=frames)
        h = block.attentions[layer](h, encoder_hidden_states=context).sample
        h = block.temp_attentions[layer](h, num_frames=frames).sample
        return add(next(site), h, temb)

    h = unet.conv_in(sample.transpose(1, 2).flatten(0, 1))
    h = unet.transformer_in(h, num_frames=frames).sample
    skips = [h]
    for block in unet.down_blocks:
        for layer in range(len(block.resnets)):
            if hasattr(block, "attentions"):
                h = attend(block, layer, h)
            else:
                h = block.temp_convs[layer](block.resnets[layer](h, wide), num_frames=frames)
            skips.append(h)
        for down in block.downsamplers or ():
            h = down(h)
            skips.append(h)
    mid = unet.mid_block
    h = mid.temp_convs[0](mid.resnets[0](h, wide), num_frames=frames)
    h = mid.attentions[0](h, encoder_hidden_states=context).sample
    h = mid.temp_attentions[0](h, num_frames=frames).sample
    h = mid.temp_convs[1](mid.resnets[1](h, wide), num_frames=frames)
    h = add(next(site), h, temb)
    for block in unet.up_blocks:
        for layer in range(len(block.resnets)):
            h = torch.cat([h, skips.pop()], dim=1)
            if hasattr(block, "attentions"):
                h = attend(block, layer, h)
            else:
                h = block.temp_convs[layer](block.resnets[layer](h, wide), num_frames=frames)
        for up in block.upsamplers or ():
            h = up(h)
    h = unet.conv_out(unet.conv_act(unet.conv_norm_out(h)))
    return h.unflatten(0, (batch, frames)).transpose(1, 2)
