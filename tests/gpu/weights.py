"""Random weights of the models that metrics use: small ones, or of the published sizes."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

BIG_G = "ViT-bigG-14"


def write_models(folder: Path, full: bool, name: str) -> dict[str, str]:
    """Paths of weights by model, for a spec; of the published size only `name` is written."""
    import torch
    from support import toy_detectors

    torch.manual_seed(0)
    if not full:
        return _write_small(folder.parent / "small")
    write, found = PUBLISHED[name], {}
    if name == "grounding":
        found = {"bert_vocabulary": toy_detectors.write_small(folder)["bert_vocabulary"]}
    return found | {name: str(write(folder))}


@cache
def _write_small(folder: Path) -> dict[str, str]:
    from support import toy_detectors, toy_models

    return toy_models.write_small(folder) | toy_detectors.write_small(folder)


def _save(state: "dict[str, Tensor]", file: Path) -> Path:
    import torch

    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file({name: value.contiguous() for name, value in state.items()}, file)
    else:
        torch.save(state, file)
    return file


def _draw(model: "nn.Module") -> "dict[str, Tensor]":
    from support.toy_models import draw_state

    return draw_state(model, 0)


def _write_clip(folder: Path) -> Path:
    from engines.evaluate.models.clip import FILE, MODEL
    from engines.open_clip_import import import_open_clip

    model = import_open_clip().create_model(f"{MODEL}-quickgelu")
    return _save(model.state_dict(), folder / FILE)


def _write_big_clip(folder: Path) -> Path:
    from engines.evaluate.models.clip_bigg import CONFIG, FILE
    from engines.open_clip_import import import_open_clip

    clip = import_open_clip()
    sizes: dict[str, Any] = clip.get_model_config(BIG_G)
    file = _save(clip.CLIP(**sizes).state_dict(), folder / FILE)
    look = {"mean": [0.5] * 3, "std": [0.5] * 3}
    file.with_name(CONFIG).write_text(json.dumps({"model_cfg": sizes, "preprocess_cfg": look}))
    return file


def _write_dino(folder: Path) -> Path:
    from timm.models.vision_transformer import VisionTransformer

    from engines.evaluate.models.dino import FILE

    return _save(VisionTransformer(num_classes=0).state_dict(), folder / FILE)


def _write_dinov2(folder: Path) -> Path:
    from transformers import Dinov2Config, Dinov2Model

    from engines.evaluate.models import dinov2

    large = Dinov2Config(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
                         image_size=518, patch_size=14)  # fmt: skip
    Dinov2Model(large).save_pretrained(folder / dinov2.FOLDER)
    return folder / dinov2.FILE


def _write_videomae(folder: Path) -> Path:
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    from engines.evaluate.models import videomae_ssv2

    model = VideoMAEForVideoClassification(VideoMAEConfig(num_labels=174))
    model.save_pretrained(folder / videomae_ssv2.FOLDER)
    return folder / videomae_ssv2.FILE


def _write_arcface(folder: Path) -> Path:
    from engines.evaluate.models.arcface import FILE
    from engines.nets.iresnet import IResNet, Sizes

    return _save(_draw(IResNet(Sizes())), folder / FILE)


def _write_faces(folder: Path) -> Path:
    from support.toy_models import yolo_state

    from engines.evaluate.models.face_detector import FILE

    return _save(yolo_state(width=64), folder / FILE)


def _write_raft(file: str, folder: Path) -> Path:
    from support.toy_models import raft_state

    widths = (64, 64, 96, 128, 256)
    state = raft_state(widths, widths, 128, 4, ((256, 192), (128, 64), 128), 256, 256)
    return _save(state, folder / file)


def _write_sam(folder: Path) -> Path:
    from support import toy_sam

    from engines.evaluate.models.sam import FILE

    return _save(toy_sam.state(toy_sam.Sizes()), folder / FILE)


def _write_grounding(folder: Path) -> Path:
    from support import toy_grounding

    from engines.evaluate.models.grounding import FILE

    return _save(toy_grounding.state(toy_grounding.Sizes()), folder / FILE)


PUBLISHED: dict[str, Callable[[Path], Path]] = {
    "clip": _write_clip, "clip_bigg": _write_big_clip, "dino": _write_dino,
    "dinov2": _write_dinov2, "arcface": _write_arcface, "face_detector": _write_faces,
    "raft": lambda folder: _write_raft("raft.pth", folder),
    "raft_large": lambda folder: _write_raft("raft_large.pth", folder),
    "videomae_ssv2": _write_videomae, "sam": _write_sam, "grounding": _write_grounding,
}  # fmt: skip
