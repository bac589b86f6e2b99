"""Autoencoders that diffusers saved to a folder, of images or of videos: there and back."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from engines.memory import is_out_of_memory
from engines.pretrained import load_pretrained

if TYPE_CHECKING:
    from torch import Tensor

# Video autoencoders take a first frame and groups of up to 8, whatever smaller groups they have.
GROUP = 8
WHOLE_GROUPS = ("AutoencoderKLAllegro", "AutoencoderKLMagvit")  # no first frame by itself
FACTORS = (
    "scale_factor_spatial", "spatial_compression_ratio", "spatial_compress_ratio"
)  # fmt: skip
LEVELS = ("block_out_channels", "encoder_block_out_channels", "down_block_out_channels", "dim_mult")


def autoencoder_folder(folder: Path) -> Path:
    """The folder of an autoencoder: itself, or its part of a pipeline's."""
    inner = next((each for each in (folder / "vae", folder / "vqvae") if each.is_dir()), folder)
    if not (inner / "config.json").is_file():
        raise UserError(f"{folder} holds no autoencoder: config.json is missing, and so is vae/")
    return inner


def find_multiple(folder: Path) -> int:
    """What sides of frames must be multiples of, by the autoencoder's configuration."""
    config = json.loads((autoencoder_folder(folder) / "config.json").read_text())
    stated = next((config[name] for name in FACTORS if config.get(name)), None)
    if stated:
        return int(stated)
    levels = next((len(config[name]) for name in LEVELS if config.get(name)), 4)
    halvings = levels - 1
    if "spatio_temporal_scaling" in config:  # LTX: of each of its blocks
        halvings = sum(map(bool, config["spatio_temporal_scaling"]))
    return int(config.get("patch_size") or 1) * 2**halvings


class FolderAutoencoder:
    """Encodes clips (B, 3, T, H, W) in -1 to 1 to the mean of their latents, and decodes them."""

    def __init__(self, folder: Path) -> None:
        import diffusers
        import torch

        from engines.device import pick_device

        inner = autoencoder_folder(folder)
        name = json.loads((inner / "config.json").read_text()).get("_class_name")
        kind = getattr(diffusers, str(name), None)
        if not (isinstance(kind, type) and hasattr(kind, "encode") and hasattr(kind, "decode")):
            raise UserError(
                f"{inner} holds a {name}, which is no autoencoder of diffusers"
                f" {diffusers.__version__}: give the folder of one, such as AutoencoderKL"
            )
        self.name, self.folder = str(name), inner
        self._model: Any = (
            load_pretrained(kind, inner, dtype=torch.float32).to(pick_device()).eval()
        )
        weights = self._model.encoder.parameters()
        self._takes_videos = any(weight.ndim == 5 for weight in weights)

    def reconstruct(self, clips: "Tensor") -> "Tensor":
        """The clips encoded and decoded; a UserError for a size that the autoencoder rejects."""
        frames = clips.shape[2]
        try:
            if self._takes_videos:
                return self._round_trip(pad_frames(clips, self.name))[:, :, :frames]
            images = self._round_trip(clips.transpose(1, 2).flatten(0, 1), frames)
        except (RuntimeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            size = "x".join(map(str, reversed(clips.shape[3:])))
            raise UserError(f"{self.folder}: {self.name} rejects {size}: {error}") from error
        return images.unflatten(0, (-1, frames)).transpose(1, 2)

    def _round_trip(self, pixels: "Tensor", frames: int | None = None) -> "Tensor":
        encoded = self._model.encode(pixels)
        if hasattr(encoded, "latent_dist"):
            latents = encoded.latent_dist.mode()
        else:
            latents = encoded.latents if hasattr(encoded, "latents") else encoded.latent
        if self.name == "AutoencoderKLTemporalDecoder":  # decodes all frames of a clip together
            return self._model.decode(latents, num_frames=frames).sample
        return self._model.decode(latents).sample


def pad_frames(clips: "Tensor", name: str) -> "Tensor":
    """The clips with their last frame repeated, up to a number that video autoencoders take."""
    import torch

    first = 0 if name in WHOLE_GROUPS else 1
    frames = clips.shape[2]
    more = math.ceil((frames - first) / GROUP) * GROUP + first - frames
    last = clips[:, :, -1:].expand(-1, -1, more, -1, -1)
    return torch.cat([clips, last], dim=2) if more else clips
