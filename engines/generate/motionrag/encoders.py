"""What MotionRAG sees of a clip: VideoMAE of its motion, DINOv2 of its first picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from engines.device import deterministic_inference
from engines.embed.weights import digest_file
from engines.generate.pipelines.zeroscope import silence_libraries
from engines.pretrained import load_pretrained

if TYPE_CHECKING:
    from torch import Tensor

VIDEO, IMAGE = "video_encoder", "image_encoder"  # folders of a release of one's own
PUBLISHED = {VIDEO: "MCG-NJU/videomae-base-finetuned-ssv2", IMAGE: "facebook/dinov2-large"}
CLASSES = {VIDEO: "VideoMAEModel", IMAGE: "Dinov2Model"}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
GREY = 127.5  # of a video without motion: zero where pixels are -1 to 1 (2.5)
RESIZED = 256 / 224  # of a picture's shorter side to the crop that DINOv2 sees


def find_encoder(name: str, given: str, folder: Path | None) -> Path:
    """The folder of an encoder: `given`, a path or a name of the hub; `auto`: the release's own.

    A release has none of its own as it is published, and without a release (`folder`) there is
    none: then the published one is fetched. A UserError where that cannot be.
    """
    if given == "auto" and folder and (folder / name).is_dir():
        return folder / name
    wanted = PUBLISHED[name] if given == "auto" else given
    if Path(wanted).is_dir():
        return Path(wanted)
    if wanted.startswith((".", "/", "~")) or wanted.count("/") != 1:
        raise UserError(f"no folder {wanted}: give one that transformers saved a model to")
    from huggingface_hub import snapshot_download

    try:
        kinds = ["config.json", "*.safetensors"]
        return Path(snapshot_download(wanted, allow_patterns=kinds))
    except Exception as error:  # errors of the hub's client, of HTTP, of the disk
        option = f"--{name.replace('_', '-')}"
        raise UserError(
            f"cannot fetch {wanted} ({type(error).__name__}): fetch its folder on a machine with"
            f" internet and give its path with {option}"
        ) from error


def digest_encoder(folder: Path) -> str:
    """SHA-256 of an encoder's files, by content; a UserError for a folder without weights."""
    import hashlib

    files = sorted([*folder.glob("config.json"), *folder.glob("*.safetensors")])
    if len(files) < 2:
        raise UserError(f"{folder} has no config.json with *.safetensors: give a model's folder")
    lines = [f"{file.name} {digest_file(str(file))}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def choose_crop(config: Any) -> int:
    """The side of what a DINOv2 sees: 224 whatever its positions were learned at, or less."""
    return int(min(config.image_size, 224) // config.patch_size * config.patch_size)


def prepare_frames(frames: np.ndarray, side: int, crop: int, how: str, device: str) -> "Tensor":
    """(T, 3, crop, crop), by ImageNet's mean and deviation, of (T, 3, H, W) in 0 to 255.

    The shorter side is resized to `side`, antialiased, and the centre cropped.
    """
    import torch
    from torch.nn import functional

    x = torch.from_numpy(np.ascontiguousarray(frames)).to(device).float() / 255
    height, width = x.shape[-2:]
    ratio = side / min(height, width)
    size = (max(crop, round(height * ratio)), max(crop, round(width * ratio)))
    x = functional.interpolate(x, size, mode=how, antialias=True, align_corners=False)
    top, left = (size[0] - crop) // 2, (size[1] - crop) // 2
    x = x.clamp(0, 1)[..., top : top + crop, left : left + crop]
    mean, std = (torch.tensor(v, device=x.device)[:, None, None] for v in (MEAN, STD))
    return (x - mean) / std


class ClipEncoders:
    """Both encoders, or that of videos alone, frozen, on the device."""

    def __init__(self, video: Path, image: Path | None) -> None:
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.video = self._load(VIDEO, video)
        self.image = self._load(IMAGE, image) if image else None

    def encode_motion(self, frames: np.ndarray) -> "Tensor":
        """(1, n, d): VideoMAE's last hidden state of (T, 3, H, W) uint8 RGB.

        Of 16 frames, evenly spread, the shorter side resized and the centre cropped (2.1).
        """
        config = self.video.config
        chosen = np.linspace(0, len(frames) - 1, config.num_frames).round().astype(int)
        pixels = prepare_frames(
            frames[chosen], config.image_size, config.image_size, "bilinear", self.device
        )
        return self._run(self.video, pixels[None])

    def encode_appearance(self, frame: np.ndarray) -> "Tensor":
        """(1, n, d): DINOv2's last hidden state, normalised, of (3, H, W) uint8 RGB (2.3)."""
        assert self.image is not None  # whoever trains adapters has no use for it, and no pictures
        crop = choose_crop(self.image.config)
        pixels = prepare_frames(frame[None], round(crop * RESIZED), crop, "bicubic", self.device)
        return self._run(self.image, pixels)

    @staticmethod
    def _run(model: Any, pixels: "Tensor") -> "Tensor":
        with deterministic_inference():
            return model(pixel_values=pixels).last_hidden_state.float()

    def _load(self, name: str, folder: Path) -> Any:
        import transformers

        kind = getattr(transformers, CLASSES[name])
        with silence_libraries():
            return load_pretrained(kind, folder).to(self.device)
