"""A MotionRAG release and its encoders with small random networks, and its equations in float64."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model, VideoMAEConfig, VideoMAEModel

from engines.generate.motionrag.motion_sites import find_base, list_motion_sites
from engines.generate.motionrag.release import Release
from engines.generate.motionrag.release_writing import save_release
from engines.nets.motion_adapter import MotionAdapters
from engines.nets.motion_context import MotionContext
from engines.nets.perceiver import PerceiverResampler
from support import tiny_pipelines

DIM, QUERIES, SEEN = 64, 5, 32


def build_release(base: nn.Module, seed: int = 0) -> Release:
    torch.manual_seed(seed)
    small = {"queries": QUERIES, "depth": 2, "heads": 1}
    context = MotionContext(PerceiverResampler(SEEN, DIM, **small), DIM, queries=QUERIES, layers=2,
                            heads=1)  # fmt: skip
    resampler = PerceiverResampler(SEEN, DIM, **small)
    made = Release(resampler, context, MotionAdapters(list_motion_sites(base), DIM))
    for part in (made.resampler, made.context, made.adapters):
        part.eval().requires_grad_(False)
    return made


def write_pipeline(folder: Path) -> None:
    """A tiny base, a release for it, and a picture to start from."""
    pipe = tiny_pipelines.svd()
    pipe.save_pretrained(folder / "base")
    write_release(folder / "release", find_base(pipe))
    Image.new("RGB", (40, 40), "red").save(folder / "own.png")


def write_release(folder: Path, base: nn.Module) -> Path:
    """A folder with a release for this base, and encoders of its own."""
    save_release(build_release(base), base, folder)
    torch.manual_seed(3)
    small = {"hidden_size": SEEN, "num_hidden_layers": 1, "num_attention_heads": 2}
    video = VideoMAEConfig(image_size=32, num_frames=4, intermediate_size=64, **small)
    VideoMAEModel(video).save_pretrained(folder / "video_encoder")
    image = Dinov2Config(image_size=28, patch_size=14, mlp_ratio=2, **small)
    Dinov2Model(image).save_pretrained(folder / "image_encoder")
    return folder


def layer_norm(x: np.ndarray, state: Mapping[str, Tensor], name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return centred / spread * number(state, f"{name}.weight") + number(state, f"{name}.bias")


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int, seen=True) -> np.ndarray:
    """Softmax attention of (n, C) queries, head by head, over the keys that are `seen`."""
    outputs = []
    for each, key, value in zip(*(np.split(x, heads, axis=-1) for x in (q, k, v)), strict=True):
        score = np.where(seen, each @ key.T / np.sqrt(each.shape[-1]), -np.inf)
        weight = np.exp(score - score.max(-1, keepdims=True))
        outputs.append(weight / weight.sum(-1, keepdims=True) @ value)
    return np.concatenate(outputs, axis=-1)


def gelu(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return x * (1 + erf(x / np.sqrt(2))) / 2


def number(state: Mapping[str, Tensor], name: str) -> np.ndarray:
    return state[name].double().numpy()


def resample(x: np.ndarray, state: Mapping[str, Tensor], heads: int, depth: int) -> np.ndarray:
    """Section 2.2: (n, features) to (q, dim)."""
    x = x @ number(state, "proj_in.weight").T + number(state, "proj_in.bias")
    z = number(state, "latents")[0]
    for i in range(depth):
        a, f = f"layers.{i}.0", f"layers.{i}.1"
        seen, query = layer_norm(x, state, f"{a}.norm1"), layer_norm(z, state, f"{a}.norm2")
        kv = np.concatenate([seen, query]) @ number(state, f"{a}.to_kv.weight").T
        k, v = np.split(kv, 2, axis=-1)
        joined = attend(query @ number(state, f"{a}.to_q.weight").T, k, v, heads)
        z = z + joined @ number(state, f"{a}.to_out.weight").T
        wide = gelu(layer_norm(z, state, f"{f}.0") @ number(state, f"{f}.1.weight").T)
        z = z + wide @ number(state, f"{f}.3.weight").T
    z = z @ number(state, "proj_out.weight").T + number(state, "proj_out.bias")
    return layer_norm(z, state, "norm_out")


def predict(
    motions: np.ndarray, appearances: np.ndarray, state: Mapping[str, Tensor], heads: int,
    layers: int,
) -> np.ndarray:  # fmt: skip
    """Section 3: motions (K, q, d) and appearances (K + 1, q, d) to predictions (K + 1, q, d)."""
    slots, q, d = appearances.shape
    before = np.concatenate([number(state, "sos_token"), motions])
    x = (before + appearances + sinusoid(q, d)).reshape(-1, d) + sinusoid(slots * q, d)
    slot = np.arange(slots * q) // q
    seen = slot[:, None] >= slot[None, :]
    for i in range(layers):
        at = f"transformer.layers.{i}"
        weight = number(state, f"{at}.self_attn.in_proj_weight")
        qkv = x @ weight.T + number(state, f"{at}.self_attn.in_proj_bias")
        joined = attend(*np.split(qkv, 3, axis=-1), heads, seen)
        weight = number(state, f"{at}.self_attn.out_proj.weight")
        joined = joined @ weight.T + number(state, f"{at}.self_attn.out_proj.bias")
        x = layer_norm(x + joined, state, f"{at}.norm1")
        wide = gelu(
            x @ number(state, f"{at}.linear1.weight").T + number(state, f"{at}.linear1.bias")
        )
        wide = wide @ number(state, f"{at}.linear2.weight").T + number(state, f"{at}.linear2.bias")
        x = layer_norm(x + wide, state, f"{at}.norm2")
    return x.reshape(slots, q, d)


def sinusoid(length: int, dim: int) -> np.ndarray:
    return np.array([
        [(np.sin, np.cos)[d % 2](p / 10000 ** (2 * (d // 2) / dim)) for d in range(dim)]
        for p in range(length)
    ])  # fmt: skip
