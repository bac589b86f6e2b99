"""Teaching a controller on a frozen base: it learns what noise the clips give away."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.specs.train import ControllerSpec, TrainSpec
from engines.generate.pipelines import zeroscope
from engines.generate.ragme import checkpoint
from engines.generate.ragme.injection_sites import infused, sites
from engines.nets.controller_config import ControllerConfig
from engines.train.dataset import Examples
from engines.train.loop import Schedule, train

if TYPE_CHECKING:
    from diffusers import UNet3DConditionModel
    from torch import Tensor

    from engines.nets.controller import Controller

RESUME = "resume.pt"
SAVE_EVERY, TELL_EVERY = 250, 25
PRECISION = {"fp32": "no", "bf16": "bf16"}
STORED = {"fp32": "float32", "fp16": "float16"}


class Teaching:
    """A controller that is trained, and the base that stays as it is."""

    controller: "Controller"

    def __init__(
        self, base: Path, spec: TrainSpec, examples: Examples, threads: int | None = None
    ) -> None:
        import torch
        from accelerate import PartialState

        from engines.nets.controller import Controller

        if threads:
            torch.set_num_threads(threads)
        team, pipe = PartialState(), zeroscope.load(base, "fp32")
        self.spec, self.examples = spec, examples
        self.device, self.leads = team.device, team.is_main_process
        self.tokenizer, self.scheduler = pipe.tokenizer, pipe.scheduler
        self.text, self.unet = pipe.text_encoder.to(self.device), pipe.unet.to(self.device)
        torch.manual_seed(spec.seed)
        self.controller = Controller(config(spec.architecture, self.unet, examples.dim))

    def loss(self, rng: np.random.Generator) -> "Tensor":
        """How far the noise said to be in noisy latents is from the noise that is (epsilon)."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.nn.functional import mse_loss

        batch = self.examples.draw(rng)
        clean, tokens, present = (
            torch.from_numpy(part).to(self.device)
            for part in (batch.latents, batch.tokens, batch.present)
        )
        noise = torch.randn_like(clean)
        at = torch.randint(self.scheduler.config.num_train_timesteps, (len(clean),)).to(self.device)
        noisy = self.scheduler.add_noise(clean, noise, at)
        plain = sdpa_kernel(SDPBackend.MATH)  # on a CPU a quarter faster: sequences are short
        with plain if self.device.type == "cpu" else nullcontext():
            with torch.no_grad():
                said = self.text(self._ids(batch.captions)).last_hidden_state
            clips = self.controller.remember(tokens, present)
            with infused(self.unet, self.controller, clips):
                guess = self.unet(noisy, at, said).sample
        return mse_loss(guess.float(), noise)

    def train(self, out: Path, told: Callable[[int, float], None]) -> None:
        """Trains, or goes on from `out/resume.pt`, and leaves a released controller's folder."""
        import torch

        spec, resume = self.spec, out / RESUME
        schedule = Schedule(
            spec.steps, spec.rate, spec.batch, spec.seed, spec.average,
            SAVE_EVERY, TELL_EVERY, PRECISION[spec.precision],
        )  # fmt: skip
        train(self.controller, self.loss, schedule, resume, told)
        stored = self.controller.to(getattr(torch, STORED[spec.stored]))
        if self.leads:
            checkpoint.save(stored, out, spec.steps)
            resume.unlink(missing_ok=True)

    def _ids(self, captions: list[str]) -> "Tensor":
        """Token ids as the pipeline has them of prompts: of full length, or cut to it."""
        said = self.tokenizer(
            captions, padding="max_length", truncation=True, return_tensors="pt",
            max_length=self.tokenizer.model_max_length,
        )  # fmt: skip
        return said.input_ids.to(self.device)


def config(spec: ControllerSpec, unet: "UNet3DConditionModel", dim: int) -> ControllerConfig:
    """The controller that a spec asks for, for this UNet and frame vectors of `dim`."""
    return ControllerConfig(
        channels=tuple(site.channels for site in sites(unet)),
        cin=dim,
        time_channels=unet.time_embedding.linear_2.out_features,
        **spec.model_dump(),
    )
