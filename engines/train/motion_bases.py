"""The losses of the bases that MotionRAG adapts: what their pipelines do, one step, in reverse."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engines.train.motion_losses import (
    IMAGE_MEAN,
    IMAGE_STD,
    compute_edm_loss,
    compute_velocity_loss,
    draw_sigmas,
    scale_noisy,
)

if TYPE_CHECKING:
    from torch import Tensor

FPS, BUCKET = 6.0, 127.0  # SVD's micro-conditioning in training


class MotionBase(Protocol):
    """A base in training."""

    def compute_loss(self, clips: np.ndarray, texts: list[str]) -> "Tensor":
        """The loss for clips (B, T, 3, H, W) uint8, by torch's generator."""
        ...


def choose_base(pipe: Any) -> MotionBase:
    """The loss of a pipeline's kind."""
    return SvdBase(pipe) if hasattr(pipe, "image_encoder") else CogBase(pipe)


class SvdBase:
    """Stable Video Diffusion: EDM, the first frame noised and concatenated."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe
        for part in (pipe.vae, pipe.image_encoder):
            part.requires_grad_(False).eval()

    def compute_loss(self, clips: np.ndarray, texts: list[str]) -> "Tensor":
        import torch

        from engines.nets.noise import draw_noise

        # SVD reads no text: what moves the clip is in its motion tokens alone.
        pipe, pixels = self.pipe, _to_tensor(clips, self.pipe.device)
        count, length = pixels.shape[:2]
        strength = draw_sigmas(count, IMAGE_MEAN, IMAGE_STD).to(pixels.device)
        with torch.no_grad():
            clean = _sample(pipe.vae.encode(pixels.flatten(0, 1)).latent_dist)
            clean = clean.unflatten(0, (count, length)) * pipe.vae.config.scaling_factor
            first = pixels[:, 0]
            noised = first + strength.view(-1, 1, 1, 1) * draw_noise(first)
            image = pipe.vae.encode(noised).latent_dist.mode()
            seen = pipe._encode_image(_to_pictures(clips), pixels.device, 1, False)
        sigma = draw_sigmas(count).to(pixels.device)
        noisy = clean + sigma.view(-1, 1, 1, 1, 1) * draw_noise(clean)
        scaled, steps = scale_noisy(noisy, sigma)
        given = torch.cat([scaled, image[:, None].expand(-1, length, -1, -1, -1)], dim=2)
        constant = torch.tensor([[FPS, BUCKET]], device=pixels.device).expand(count, -1)
        times = torch.cat([constant, strength[:, None]], dim=1)
        output = pipe.unet(given, steps, seen, added_time_ids=times).sample
        return compute_edm_loss(output.float(), noisy, clean, sigma)


class CogBase:
    """CogVideoX from an image: v-prediction, the first frame's latents padded with zeros."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe
        for part in (pipe.vae, pipe.text_encoder):
            part.requires_grad_(False).eval()

    def compute_loss(self, clips: np.ndarray, texts: list[str]) -> "Tensor":
        import torch

        from engines.nets.noise import draw_noise

        pipe, pixels = self.pipe, _to_tensor(clips, self.pipe.device)
        # One strength a batch, as published; of SVD one a clip.
        strength = draw_sigmas(1, IMAGE_MEAN, IMAGE_STD).to(pixels.device)
        with torch.no_grad():
            clean = self._encode(pixels.transpose(1, 2))
            first = pixels[:, :1].transpose(1, 2)
            image = self._encode(first + strength * draw_noise(first))
            rest = clean.new_zeros(len(clean), clean.shape[1] - 1, *clean.shape[2:])
            prompts, _ = pipe.encode_prompt(texts, do_classifier_free_guidance=False)
        config, noise = pipe.scheduler.config, draw_noise(clean)
        steps = torch.randint(config.num_train_timesteps, (len(clean),)).to(clean.device)
        noisy = pipe.scheduler.add_noise(clean, noise, steps)
        rotary = None
        net = pipe.transformer
        if net.config.use_rotary_positional_embeddings:
            size = pixels.shape[-2:]
            rotary = pipe._prepare_rotary_positional_embeddings(*size, clean.shape[1], clean.device)
        given = torch.cat([noisy, torch.cat([image, rest], dim=1)], dim=2)
        output = net(given, prompts, steps, image_rotary_emb=rotary).sample
        alpha = pipe.scheduler.alphas_cumprod.to(clean.device)[steps].float()
        return compute_velocity_loss(output.float(), noisy, clean, alpha)

    def _encode(self, pixels: "Tensor") -> "Tensor":
        """(B, frames, C, h, w) latents of (B, 3, T, H, W), as the pipeline scales them."""
        latents = _sample(self.pipe.vae.encode(pixels).latent_dist).transpose(1, 2)
        return latents * self.pipe.vae_scaling_factor_image


def _sample(posterior: Any) -> "Tensor":
    """A sample of a VAE's distribution, by noise of the CPU."""
    from engines.nets.noise import draw_noise

    sample: Tensor = posterior.mean + posterior.std * draw_noise(posterior.mean)
    return sample


def _to_tensor(clips: np.ndarray, device: Any) -> "Tensor":
    """(B, T, 3, H, W) in -1 to 1."""
    import torch

    return torch.from_numpy(clips).to(device).float() / 127.5 - 1


def _to_pictures(clips: np.ndarray) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(np.ascontiguousarray(clip[0].transpose(1, 2, 0))) for clip in clips]
