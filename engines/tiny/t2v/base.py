"""Trains the bundled text-to-video model on its codec: `python -m engines.tiny.t2v.base`.

Twice the batch on two cores: `ACCELERATE_USE_CPU=1 torchrun --nproc_per_node 2 -m
engines.tiny.t2v.base`.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.batches import iter_batches
from engines.bundled import TEXT_TO_VIDEO
from engines.embed.weights import digest_file
from engines.tiny.scene import Scene
from engines.tiny.t2v import networks, training_set, words
from engines.tiny.t2v.codec import load_codec
from engines.tiny.t2v.command import TrainingOptions, parse_options
from engines.train.loop import Schedule, train_model

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DDIMScheduler
    from torch import Tensor, nn

# First single frames, of which a core sees ten times as many scenes as of clips: there shapes,
# colours and backgrounds are learned. Then clips, which teach what moves, and how.
IMAGES = Schedule(steps=4500, rate=1e-3, batch=64, precision="bf16")
SCHEDULE = Schedule(steps=1000, rate=7e-4, batch=16, precision="bf16")
TEXT_DROPOUT = 0.1
CLIPS = 8192


@dataclass
class BaseTrainer:
    """The models that are trained together, and the clips: scenes and their latents."""

    model: "nn.ModuleDict"
    scheduler: "DDIMScheduler"
    caption_encoder: words.CaptionEncoder
    scenes: list[Scene]
    latents: np.ndarray
    device: str

    def loss(self, rng: np.random.Generator, batch: int, images: bool = False) -> "Tensor":
        """The mean squared error of predicted velocity, of clips or of one frame of each."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.nn.functional import mse_loss

        from engines.nets.noise import find_target

        chosen = rng.integers(len(self.scenes), size=batch)
        captions = [training_set.write_caption(rng, self.scenes[i]) for i in chosen]
        # Without text at times, which classifier-free guidance needs (arXiv 2207.12598).
        captions = [text if rng.random() > TEXT_DROPOUT else "" for text in captions]
        latents = self.latents[chosen]
        if images:
            moments = rng.integers(training_set.FRAMES, size=(batch, 1, 1, 1, 1))
            latents = np.take_along_axis(latents, moments, axis=2)
        clean = torch.from_numpy(latents).to(self.device).float()
        noise = torch.randn_like(clean)
        timesteps = torch.randint(1000, (batch,), device=self.device)
        noisy = self.scheduler.add_noise(clean, noise, timesteps)
        with sdpa_kernel(SDPBackend.MATH):  # a quarter faster: the sequences are of eight frames
            text = self.model["text"](
                self.caption_encoder.encode_captions(rng, captions).to(self.device)
            )
            predicted = self.model["unet"](noisy, timesteps, text.last_hidden_state).sample
        target = find_target(self.scheduler, clean, noise, timesteps)
        return mse_loss(predicted.float(), target)

    def train_images(self, options: TrainingOptions) -> None:
        """Trains on single frames, without the layers over time."""
        steps = IMAGES.steps * options.schedule.steps // SCHEDULE.steps
        schedule = replace(IMAGES, steps=steps, seed=options.schedule.seed)
        checkpoint = options.checkpoint.with_name(f"{options.checkpoint.stem}-images.pt")
        with networks.without_time_layers(self.model["unet"]):
            self._train(schedule, checkpoint, options, images=True)

    def train_clips(self, options: TrainingOptions) -> None:
        """Trains all of it, on clips."""
        self._train(options.schedule, options.checkpoint, options, images=False)

    def _train(
        self, schedule: Schedule, checkpoint: Path, options: TrainingOptions, images: bool
    ) -> None:
        train_model(
            self.model,
            lambda rng: self.loss(rng, schedule.batch, images),
            schedule,
            checkpoint,
            options.print_progress,
        )


def load_networks(model: "nn.ModuleDict", folder: Path) -> None:
    """Loads what a pipeline's folder has of the networks."""
    from safetensors.torch import load_file

    model["text"].load_state_dict(load_file(folder / "text_encoder" / "model.safetensors"))
    unet = folder / "unet" / "diffusion_pytorch_model.safetensors"
    model["unet"].load_state_dict(load_file(unet))


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
    from accelerate import PartialState

    options: TrainingOptions = parse_options(
        __doc__, SCHEDULE, "t2v-base", TEXT_TO_VIDEO, goes_on=True
    )
    torch.manual_seed(options.schedule.seed)
    team = PartialState(cpu=options.device == "cpu")
    with team.main_process_first():
        caption_encoder = words.CaptionEncoder(words.load_tokenizer(options.folder))
    model = torch.nn.ModuleDict(
        {"text": networks.build_text_encoder(caption_encoder), "unet": networks.build_unet()}
    ).to(options.device)
    if options.again:
        load_networks(model, options.folder)
    codec = load_codec(options.folder)
    with team.main_process_first():
        made_by = digest_file(str(options.folder / "vae" / "diffusion_pytorch_model.safetensors"))
        cache = options.checkpoint.with_name(f"t2v-latents-{made_by[:12]}.npy")
        clips = prepare_latents(codec.to(options.device).eval(), options.schedule.seed, cache)
    trainer = BaseTrainer(
        model, networks.build_scheduler(), caption_encoder, *clips, options.device
    )
    trainer.train_images(options)
    trainer.train_clips(options)
    if team.is_main_process:
        save_pipeline(trainer, codec, options.folder)


if __name__ == "__main__":
    main()
