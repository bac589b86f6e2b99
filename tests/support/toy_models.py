"""Random weights of small models, in files named and laid out as the published ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

HEAD = 64  # channels of an attention head, in all of them


def write_small(folder: Path) -> dict[str, str]:
    """Writes files for clip, dino, arcface, face_detector and raft; returns paths by model."""
    from safetensors.torch import save_file

    from engines.evaluate.models import arcface, clip, dino, face_detector, raft

    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "clip": (clip.FILE, clip_state()),
        "dino": (dino.FILE, dino_state()),
        "arcface": (arcface.FILE, arcface_state()),
        "face_detector": (face_detector.FILE, yolo_state()),
        "raft": (raft.FILE, {f"module.{name}": value for name, value in raft_state().items()}),
    }
    for file, state in made.values():
        safe = file.endswith(".safetensors")
        save_file(state, folder / file) if safe else torch.save(state, folder / file)
    return {name: str(folder / file) for name, (file, _) in made.items()} | _write_folders(folder)


def _write_folders(folder: Path) -> dict[str, str]:
    """Models that are folders: of transformers, and of open_clip."""
    import json

    from open_clip import CLIP
    from safetensors.torch import save_file
    from transformers import (
        Dinov2Config,
        Dinov2Model,
        VideoMAEConfig,
        VideoMAEForVideoClassification,
    )

    from engines.evaluate.models import clip_bigg, dinov2, raft_large, videomae_ssv2

    torch.manual_seed(5)
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    sight = VideoMAEConfig(image_size=32, num_frames=4, intermediate_size=64, num_labels=9, **small)
    VideoMAEForVideoClassification(sight).save_pretrained(folder / videomae_ssv2.FOLDER)
    image = Dinov2Config(image_size=28, patch_size=14, mlp_ratio=2, **small)
    Dinov2Model(image).save_pretrained(folder / dinov2.FOLDER)
    sizes = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 64,
            "heads": 1,
            "layers": 1,
        },
    }
    (folder / clip_bigg.FOLDER).mkdir(exist_ok=True)
    save_file(CLIP(**sizes).state_dict(), folder / clip_bigg.FILE)
    look = {"mean": [0.5] * 3, "std": [0.5] * 3}
    config = {"model_cfg": sizes, "preprocess_cfg": look}
    (folder / clip_bigg.FOLDER / clip_bigg.CONFIG).write_text(json.dumps(config))
    torch.save(raft_state(), folder / raft_large.FILE)
    files = {
        "videomae_ssv2": videomae_ssv2, "dinov2": dinov2, "clip_bigg": clip_bigg,
        "raft_large": raft_large,
    }  # fmt: skip
    return {name: str(folder / module.FILE) for name, module in files.items()}


class Draw:
    """Draws tensors from a seed, scaled so that a layer keeps the size of its inputs."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int) -> Tensor:
        fan = max(1, torch.Size(shape[1:]).numel())
        return torch.randn(*shape, generator=self.generator) / fan**0.5

    def rows(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)

    def layer(self, name: str, *shape: int) -> dict[str, Tensor]:
        return {f"{name}.weight": self(*shape), f"{name}.bias": 0.1 * self.rows(shape[0])}

    def norm(self, name: str, channels: int) -> dict[str, Tensor]:
        return {
            f"{name}.weight": 1 + 0.1 * self.rows(channels),
            f"{name}.bias": 0.1 * self.rows(channels),
        }

    def batch_norm(self, name: str, channels: int) -> dict[str, Tensor]:
        return self.norm(name, channels) | {
            f"{name}.running_mean": 0.1 * self.rows(channels),
            f"{name}.running_var": 0.5 + torch.rand(channels, generator=self.generator),
            f"{name}.num_batches_tracked": torch.tensor(7),
        }


def clip_state(side: int = 64, patch: int = 32, dim: int = 48) -> dict[str, Tensor]:
    """OpenAI's names: (n, 48) of pictures of 64 x 64 and of texts in the published tokens."""
    draw, width = Draw(1), HEAD
    return {
        "visual.class_embedding": draw.rows(width),
        "visual.positional_embedding": draw.rows((side // patch) ** 2 + 1, width),
        "visual.conv1.weight": draw(width, 3, patch, patch),
        "visual.proj": draw(width, dim),
        **draw.norm("visual.ln_pre", width),
        **draw.norm("visual.ln_post", width),
        **_clip_blocks(draw, "visual.transformer", width),
        "token_embedding.weight": draw.rows(49408, width).half(),
        "positional_embedding": draw.rows(77, width),
        "text_projection": draw(width, dim),
        "logit_scale": torch.tensor(4.6),
        **draw.norm("ln_final", width),
        **_clip_blocks(draw, "transformer", width),
        "input_resolution": torch.tensor(side),
        "context_length": torch.tensor(77),
        "vocab_size": torch.tensor(49408),
    }


def _clip_blocks(draw: Draw, name: str, width: int, depth: int = 2) -> dict[str, Tensor]:
    held: dict[str, Tensor] = {}
    for n in range(depth):
        block = f"{name}.resblocks.{n}"
        held |= draw.norm(f"{block}.ln_1", width) | draw.norm(f"{block}.ln_2", width)
        held[f"{block}.attn.in_proj_weight"] = draw(3 * width, width)
        held[f"{block}.attn.in_proj_bias"] = 0.1 * draw.rows(3 * width)
        held |= draw.layer(f"{block}.attn.out_proj", width, width)
        held |= draw.layer(f"{block}.mlp.c_fc", 4 * width, width)
        held |= draw.layer(f"{block}.mlp.c_proj", width, 4 * width)
    return held


def dino_state(side: int = 64, patch: int = 16, depth: int = 2) -> dict[str, Tensor]:
    """The names of its authors, which are timm's: (n, 64) of pictures of 64 x 64."""
    draw, width = Draw(2), HEAD
    held = {
        "cls_token": draw.rows(1, 1, width),
        "pos_embed": draw.rows(1, (side // patch) ** 2 + 1, width),
        **draw.layer("patch_embed.proj", width, 3, patch, patch),
        **draw.norm("norm", width),
    }
    for n in range(depth):
        block = f"blocks.{n}"
        held |= draw.norm(f"{block}.norm1", width) | draw.norm(f"{block}.norm2", width)
        held |= draw.layer(f"{block}.attn.qkv", 3 * width, width)
        held |= draw.layer(f"{block}.attn.proj", width, width)
        held |= draw.layer(f"{block}.mlp.fc1", 2 * width, width)
        held |= draw.layer(f"{block}.mlp.fc2", width, 2 * width)
    return held


def arcface_state() -> dict[str, Tensor]:
    """An IResNet of one block a stage: (n, 32) of faces of 112 x 112."""
    from engines.nets.iresnet import IResNet, Sizes

    sizes = Sizes(stem=4, channels=(4, 8, 8, 16), blocks=(1, 2, 1, 1), features=32)
    return draw_state(IResNet(sizes), 3)


def yolo_state(width: int = 2, classes: int = 1) -> dict[str, Tensor]:
    """YOLOv9-C with two channels where it has 64."""
    from engines.nets.yolov9 import YoloV9C

    held = draw_state(YoloV9C(classes, width), 4)
    for name in ("dfl", "dfl2"):
        held[f"model.38.{name}.conv.weight"] = torch.arange(16.0).view(1, 16, 1, 1)
    return held


def draw_state(model: torch.nn.Module, seed: int) -> dict[str, Tensor]:
    """A state dict of the model's names and shapes, norms and biases included."""
    draw, held = Draw(seed), {}
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            held[name] = 0.5 + torch.rand(value.shape, generator=draw.generator)
        elif not value.is_floating_point():
            held[name] = torch.tensor(7)
        elif value.dim() > 1:
            held[name] = draw(*value.shape)
        else:
            middle = 1 if name.endswith("weight") and "prelu" not in name else 0
            held[name] = middle + 0.1 * draw.rows(*value.shape)
    return held


def raft_state(
    features: tuple[int, ...] = (8, 8, 8, 8, 16), context: tuple[int, ...] = (8, 8, 8, 8, 16),
    hidden: int = 8, radius: int = 1, motion: Any = ((8, 8), (8, 8), 8), flow: int = 8,
    mask: int = 8,
) -> dict[str, Tensor]:  # fmt: skip
    """The names of its authors, the third norms of the context's short cuts twice as they have."""
    draw = Draw(5)
    (c1, c2), (f1, f2), out = motion
    block = "update_block"
    held = dict(_raft_encoder(draw, "fnet", features, norms=False))
    held |= dict(_raft_encoder(draw, "cnet", context, norms=True))
    held |= draw.layer(f"{block}.encoder.convc1", c1, 4 * (2 * radius + 1) ** 2, 1, 1)
    held |= draw.layer(f"{block}.encoder.convc2", c2, c1, 3, 3)
    held |= draw.layer(f"{block}.encoder.convf1", f1, 2, 7, 7)
    held |= draw.layer(f"{block}.encoder.convf2", f2, f1, 3, 3)
    held |= draw.layer(f"{block}.encoder.conv", out - 2, c2 + f2, 3, 3)
    seen = hidden + out + context[-1] - hidden
    for gate in "zrq":
        held |= draw.layer(f"{block}.gru.conv{gate}1", hidden, seen, 1, 5)
        held |= draw.layer(f"{block}.gru.conv{gate}2", hidden, seen, 5, 1)
    held |= draw.layer(f"{block}.flow_head.conv1", flow, hidden, 3, 3)
    held |= draw.layer(f"{block}.flow_head.conv2", 2, flow, 3, 3)
    held |= draw.layer(f"{block}.mask.0", mask, hidden, 3, 3)
    return held | draw.layer(f"{block}.mask.2", 64 * 9, mask, 1, 1)


def _raft_encoder(
    draw: Draw, name: str, widths: tuple[int, ...], norms: bool
) -> Iterator[tuple[str, Tensor]]:
    def normed(at: str, channels: int) -> dict[str, Tensor]:
        return draw.batch_norm(f"{name}.{at}", channels) if norms else {}

    stem, *stages, out = widths
    yield from (draw.layer(f"{name}.conv1", stem, 3, 7, 7) | normed("norm1", stem)).items()
    before = stem
    for n, width in enumerate(stages, start=1):
        for block in (f"layer{n}.0", f"layer{n}.1"):
            yield from draw.layer(f"{name}.{block}.conv1", width, before, 3, 3).items()
            yield from draw.layer(f"{name}.{block}.conv2", width, width, 3, 3).items()
            yield from (normed(f"{block}.norm1", width) | normed(f"{block}.norm2", width)).items()
            if n > 1 and block.endswith("0"):
                yield from draw.layer(f"{name}.{block}.downsample.0", width, before, 1, 1).items()
                for key, value in normed(f"{block}.downsample.1", width).items():
                    yield key, value
                    yield key.replace("downsample.1", "norm3"), value
            before = width
    yield from draw.layer(f"{name}.conv2", out, before, 1, 1).items()
