"""Trains the bundled text-to-video model on its codec: `python -m engines.tiny.t2v.base`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.batches import iter_batches
from engines.bundled import TEXT_TO_VIDEO
from engines.tiny.scene import Scene
from engines.tiny.t2v import training_set, words
from engines.tiny.t2v.command import TrainingOptions, parse_options
from engines.train.loop import Schedule, train_model

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DDIMScheduler, UNet3DConditionModel
    from torch import Tensor, nn
    from transformers import CLIPTextModel

SCHEDULE = Schedule(steps=4500, rate=1e-3, batch=16, precision="bf16")
TEXT_DROPOUT = 0.1
CLIPS = 8192
WIDTH = 96  # of text features


def build_scheduler() -> "DDIMScheduler":
    """ZeroScope's scheduler."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip


def build_unet() -> "UNet3DConditionModel":
    """An untrained denoiser of 2.7 million parameters, in ZeroScope's architecture."""
    from diffusers import UNet3DConditionModel

    return UNet3DConditionModel(
        sample_size=training_set.PIXELS // 8,
        down_block_types=("CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"),
        block_out_channels=(32, 64, 64),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=16,
        norm_num_groups=16,
    )


def build_text_encoder(caption_encoder: words.CaptionEncoder) -> "CLIPTextModel":
    """An untrained text encoder whose embeddings of unknown tokens are zero, and stay so."""
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = caption_encoder.tokenizer
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=4 * WIDTH,
            num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=words.LENGTH,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id, projection_dim=WIDTH,
        )
    )  # fmt: skip
    known = torch.zeros(len(tokenizer), 1)
    known[sorted(caption_encoder.known)] = 1
    embedding = encoder.get_input_embeddings().weight
    with torch.no_grad():
        embedding.mul_(known)
    embedding.register_hook(lambda grad: grad * known.to(grad.device))
    return encoder


@dataclass
class BaseTrainer:
    """The models that are trained together, and the clips: scenes and their latents."""

    model: "nn.ModuleDict"
    scheduler: "DDIMScheduler"
    caption_encoder: words.CaptionEncoder
    scenes: list[Scene]
    latents: np.ndarray
    device: str

    def loss(self, rng: np.random.Generator, batch: int) -> "Tensor":
        """The mean squared error of predicted noise (epsilon; DDPM, arXiv 2006.11239, eq. 14)."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.nn.functional import mse_loss

        chosen = rng.integers(len(self.scenes), size=batch)
        captions = [training_set.write_caption(rng, self.scenes[i]) for i in chosen]
        # Without text at times, which classifier-free guidance needs (arXiv 2207.12598).
        captions = [text if rng.random() > TEXT_DROPOUT else "" for text in captions]
        clean = torch.from_numpy(self.latents[chosen]).to(self.device).float()
        noise = torch.randn_like(clean)
        timesteps = torch.randint(1000, (batch,), device=self.device)
        noisy = self.scheduler.add_noise(clean, noise, timesteps)
        with sdpa_kernel(SDPBackend.MATH):  # a quarter faster: the sequences are of eight frames
            text = self.model["text"](
                self.caption_encoder.encode_captions(rng, captions).to(self.device)
            )
            predicted = self.model["unet"](noisy, timesteps, text.last_hidden_state).sample
        return mse_loss(predicted.float(), noise)


def prepare_latents(
    codec: "AutoencoderKL", seed: int, file: Path
) -> tuple[list[Scene], np.ndarray]:
    """The scenes of the training clips, and their (n, 4, 8, 8, 8) latents, cached in a file."""
    rngs = [np.random.default_rng([seed, 8, index]) for index in range(CLIPS)]
    scenes = [training_set.draw_training_scene(rng) for rng in rngs]
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        parts = []
        # Each clip is drawn by the generator that drew its scene, from where that left off.
        for pairs in iter_batches(zip(rngs, scenes, strict=True), 16):
            clips = np.stack([training_set.draw_clip(*pair) for pair in pairs])
            parts.append(encode_clips(codec, clips))
        np.save(file, np.concatenate(parts).astype(np.float16))
    return scenes, np.load(file)


def encode_clips(codec: "AutoencoderKL", clips: np.ndarray) -> np.ndarray:
    """(n, frames, height, width, 3) bytes to (n, 4, frames, 8, 8) latents."""
    import torch

    pixels = torch.from_numpy(clips).to(codec.device).flatten(0, 1).permute(0, 3, 1, 2)
    with torch.inference_mode(), torch.autocast(codec.device.type, torch.bfloat16):
        means = codec.encode(pixels / 127.5 - 1).latent_dist.mean
    scaled = means.float() * codec.config.scaling_factor
    return scaled.unflatten(0, (len(clips), -1)).transpose(1, 2).cpu().numpy()


def save_pipeline(trainer: BaseTrainer, codec: "AutoencoderKL", folder: Path) -> None:
    """Writes the whole pipeline, in half precision, in ZeroScope's layout."""
    import torch
    from diffusers import TextToVideoSDPipeline

    codec.register_to_config(_name_or_path="")  # else its config names a folder of this machine
    TextToVideoSDPipeline(
        vae=codec,
        text_encoder=trainer.model["text"].cpu(),
        tokenizer=trainer.caption_encoder.tokenizer,
        unet=trainer.model["unet"].cpu(),
        scheduler=trainer.scheduler,
    ).to("cpu", torch.float16).save_pretrained(folder)


def main() -> None:
    """Trains, and writes the pipeline."""
    import torch
    from diffusers import AutoencoderKL

    options: TrainingOptions = parse_options(__doc__, SCHEDULE, "t2v-base", TEXT_TO_VIDEO)
    torch.manual_seed(options.schedule.seed)
    caption_encoder = words.CaptionEncoder(words.train_tokenizer())
    model = torch.nn.ModuleDict(
        {"text": build_text_encoder(caption_encoder), "unet": build_unet()}
    ).to(options.device)
    codec = AutoencoderKL.from_pretrained(
        options.folder / "vae", dtype=torch.float32, use_safetensors=True
    )
    cache = options.checkpoint.with_name("t2v-latents.npy")
    clips = prepare_latents(codec.to(options.device).eval(), options.schedule.seed, cache)
    trainer = BaseTrainer(model, build_scheduler(), caption_encoder, *clips, options.device)
    train_model(
        model,
        lambda rng: trainer.loss(rng, options.schedule.batch),
        options.schedule,
        options.checkpoint,
        options.print_progress,
    )
    save_pipeline(trainer, codec, options.folder)


if __name__ == "__main__":
    main()
