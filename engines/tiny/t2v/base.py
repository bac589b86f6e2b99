"""Trains the bundled text-to-video model on its codec: `python -m engines.tiny.t2v.base`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.batches import batched
from engines.tiny.scene import Scene
from engines.tiny.t2v import training_set, words
from engines.tiny.t2v.command import Given, given
from engines.train.loop import Schedule, train

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DDIMScheduler, UNet3DConditionModel
    from torch import Tensor, nn
    from transformers import CLIPTextModel

SCHEDULE = Schedule(steps=4500, rate=1e-3, batch=16, precision="bf16")
TEXT_DROPOUT = 0.1
CLIPS = 8192
WIDTH = 96  # of text features


def scheduler() -> "DDIMScheduler":
    """ZeroScope's."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip


def unet() -> "UNet3DConditionModel":
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


def text_encoder(scribe: words.Scribe) -> "CLIPTextModel":
    """An untrained text encoder to which every token it will not be taught means nothing."""
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = scribe.tokenizer
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=4 * WIDTH,
            num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=words.LENGTH,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id, projection_dim=WIDTH,
        )
    )  # fmt: skip
    said = torch.zeros(len(tokenizer), 1)
    said[sorted(scribe.taught)] = 1
    embedding = encoder.get_input_embeddings().weight
    with torch.no_grad():
        embedding.mul_(said)
    embedding.register_hook(lambda grad: grad * said.to(grad.device))
    return encoder


@dataclass
class Trainee:
    """What is trained together, and the clips it is trained on: scenes and their latents."""

    model: "nn.ModuleDict"
    scheduler: "DDIMScheduler"
    scribe: words.Scribe
    scenes: list[Scene]
    latents: np.ndarray
    device: str

    def loss(self, rng: np.random.Generator, batch: int) -> "Tensor":
        """How far the noise said to be in noisy latents is from the noise that is (epsilon)."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.nn.functional import mse_loss

        chosen = rng.integers(len(self.scenes), size=batch)
        said = [training_set.caption(rng, self.scenes[i]) for i in chosen]
        said = [text if rng.random() > TEXT_DROPOUT else "" for text in said]
        clean = torch.from_numpy(self.latents[chosen]).to(self.device).float()
        noise, at = torch.randn_like(clean), torch.randint(1000, (batch,), device=self.device)
        noisy = self.scheduler.add_noise(clean, noise, at)
        with sdpa_kernel(SDPBackend.MATH):  # a quarter faster: the sequences are of eight frames
            text = self.model["text"](self.scribe.tokens(rng, said).to(self.device))
            guess = self.model["unet"](noisy, at, text.last_hidden_state).sample
        return mse_loss(guess.float(), noise)


def footage_latents(
    codec: "AutoencoderKL", seed: int, file: Path
) -> tuple[list[Scene], np.ndarray]:
    """The scenes of the training clips, and their (n, 4, 8, 8, 8) latents, kept in a file."""
    rngs = [np.random.default_rng([seed, 8, index]) for index in range(CLIPS)]
    scenes = [training_set.scene(rng) for rng in rngs]
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = [
            encode(
                codec,
                np.stack([training_set.clip(*pair) for pair in zip(some, shown, strict=True)]),
            )
            for some, shown in zip(batched(rngs, 16), batched(scenes, 16), strict=True)
        ]
        np.save(file, np.concatenate(made).astype(np.float16))
    return scenes, np.load(file)


def encode(codec: "AutoencoderKL", clips: np.ndarray) -> np.ndarray:
    """(n, frames, height, width, 3) bytes to (n, 4, frames, 8, 8) latents."""
    import torch

    pixels = torch.from_numpy(clips).to(codec.device).flatten(0, 1).permute(0, 3, 1, 2)
    with torch.inference_mode(), torch.autocast(codec.device.type, torch.bfloat16):
        found = codec.encode(pixels / 127.5 - 1).latent_dist.mean
    scaled = found.float() * codec.config.scaling_factor
    return scaled.unflatten(0, (len(clips), -1)).transpose(1, 2).cpu().numpy()


def publish(trainee: Trainee, codec: "AutoencoderKL", folder: Path) -> None:
    """Stores the whole pipeline, in half precision, in ZeroScope's layout."""
    import torch
    from diffusers import TextToVideoSDPipeline

    codec.register_to_config(_name_or_path="")  # else its config names a folder of this machine
    TextToVideoSDPipeline(
        vae=codec,
        text_encoder=trainee.model["text"].cpu(),
        tokenizer=trainee.scribe.tokenizer,
        unet=trainee.model["unet"].cpu(),
        scheduler=trainee.scheduler,
    ).to("cpu", torch.float16).save_pretrained(folder)


def main() -> None:
    """Train, and store the pipeline."""
    import torch
    from diffusers import AutoencoderKL

    asked: Given = given(__doc__, SCHEDULE, "base")
    torch.manual_seed(asked.schedule.seed)
    scribe = words.Scribe(words.learn())
    model = torch.nn.ModuleDict({"text": text_encoder(scribe), "unet": unet()}).to(asked.device)
    codec = AutoencoderKL.from_pretrained(
        asked.folder / "vae", dtype=torch.float32, use_safetensors=True
    )
    kept = asked.checkpoint.with_name("t2v-latents.npy")
    clips = footage_latents(codec.to(asked.device).eval(), asked.schedule.seed, kept)
    trainee = Trainee(model, scheduler(), scribe, *clips, asked.device)
    train(
        model,
        lambda rng: trainee.loss(rng, asked.schedule.batch),
        asked.schedule,
        asked.checkpoint,
        asked.told,
    )
    publish(trainee, codec, asked.folder)


if __name__ == "__main__":
    main()
