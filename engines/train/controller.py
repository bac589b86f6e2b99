"""Trains a controller on a frozen base: it learns to predict noise with the help of clips."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.specs.train import ControllerSpec, TrainSpec
from engines.generate.pipelines import zeroscope
from engines.generate.ragme import checkpoint
from engines.generate.ragme.injection_sites import inject_clips, list_sites
from engines.nets.controller_config import ControllerConfig
from engines.train.dataset import Examples
from engines.train.loop import RESUME, Schedule, train_model

if TYPE_CHECKING:
    from diffusers import UNet3DConditionModel
    from torch import Tensor

    from engines.nets.controller import Controller

SAVE_EVERY, LOG_EVERY = 250, 25
PRECISION = {"fp32": "no", "bf16": "bf16"}
STORED_DTYPES = {"fp32": "float32", "fp16": "float16"}


class ControllerTrainer:
    """Trains a controller; the base stays unchanged."""

    controller: "Controller"

    def __init__(
        self, base: Path, spec: TrainSpec, examples: Examples, threads: int | None = None
    ) -> None:
        import torch
        from accelerate import PartialState

        from engines.nets.controller import Controller

        if threads:
            torch.set_num_threads(threads)
        team, pipe = PartialState(), zeroscope.load_pipeline(base, "fp32")
        self.spec, self.examples = spec, examples
        self.device, self.leads = team.device, team.is_main_process
        self.tokenizer, self.scheduler = pipe.tokenizer, pipe.scheduler
        self.text, self.unet = pipe.text_encoder.to(self.device), pipe.unet.to(self.device)
        torch.manual_seed(spec.seed)
        self.controller = Controller(build_config(spec.architecture, self.unet, examples.dim))

    def loss(self, rng: np.random.Generator) -> "Tensor":
        """The mean squared error of what the base predicts: see `find_target`."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.nn.functional import mse_loss

        from engines.nets.noise import draw_noise, find_target

        batch = self.examples.draw(rng)
        clean, tokens, present = (
            torch.from_numpy(part).to(self.device)
            for part in (batch.latents, batch.tokens, batch.present)
        )
        noise = draw_noise(clean)
        timesteps = torch.randint(self.scheduler.config.num_train_timesteps, (len(clean),)).to(
            self.device
        )
        noisy = self.scheduler.add_noise(clean, noise, timesteps)
        plain = sdpa_kernel(SDPBackend.MATH)  # on a CPU a quarter faster: sequences are short
        with plain if self.device.type == "cpu" else nullcontext():
            with torch.no_grad():
                text = self.text(self._tokenize_captions(batch.captions)).last_hidden_state
            clips = self.controller.precompute_context(tokens, present)
            with inject_clips(self.unet, self.controller, clips):
                predicted = self.unet(noisy, timesteps, text).sample
        target = find_target(self.scheduler, clean, noise, timesteps)
        return mse_loss(predicted.float(), target)

    def train(self, out: Path, on_progress: Callable[[int, float], None]) -> None:
        """Trains, or resumes from `out/resume.pt`, and writes a controller's folder at `out`."""
        import torch

        spec, resume = self.spec, out / RESUME
        schedule = Schedule(
            spec.steps, spec.rate, spec.batch, spec.seed, spec.average,
            SAVE_EVERY, LOG_EVERY, PRECISION[spec.precision],
        )  # fmt: skip
        train_model(self.controller, self.loss, schedule, resume, on_progress)
        stored = self.controller.to(getattr(torch, STORED_DTYPES[spec.stored]))
        if self.leads:
            # `resume` stays: a later run with more steps goes on from there.
            checkpoint.save_controller(stored, out, spec.steps)

    def _tokenize_captions(self, captions: list[str]) -> "Tensor":
        """Token ids of the full length, as the pipeline pads or truncates prompts."""
        tokens = self.tokenizer(
            captions, padding="max_length", truncation=True, return_tensors="pt",
            max_length=self.tokenizer.model_max_length,
        )  # fmt: skip
        return tokens.input_ids.to(self.device)


def build_config(spec: ControllerSpec, unet: "UNet3DConditionModel", dim: int) -> ControllerConfig:
    """The config of a spec's controller, for this UNet and frame vectors of `dim`."""
    return ControllerConfig(
        channels=tuple(site.channels for site in list_sites(unet)),
        cin=dim,
        time_channels=unet.time_embedding.linear_2.out_features,
        **spec.model_dump(),
    )
