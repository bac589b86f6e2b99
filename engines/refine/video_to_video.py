"""Pipelines of diffusers that start from a video, or from its frames one by one."""

import inspect
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError
from engines.device import deterministic_inference
from engines.generate.pipelines.call import TEMPORAL_FACTORS, list_parameters
from engines.generate.pipelines.loading import load_pipeline, place_pipeline
from engines.generate.protocol import Speed
from engines.memory import is_out_of_memory
from engines.refine.autoencoders import find_multiple as find_vae_multiple

# Pipelines that start from noise, and what starts from a video or picture with the same parts.
FROM_VIDEO = {
    "TextToVideoSDPipeline": "VideoToVideoSDPipeline",
    "WanPipeline": "WanVideoToVideoPipeline",
    "CogVideoXPipeline": "CogVideoXVideoToVideoPipeline",
    "AnimateDiffPipeline": "AnimateDiffVideoToVideoPipeline",
    "StableDiffusionPipeline": "StableDiffusionImg2ImgPipeline",
    "StableDiffusionXLPipeline": "StableDiffusionXLImg2ImgPipeline",
}
INPUTS = ("video", "image")


def check_strength(strength: float, steps: int) -> None:
    """A UserError where no whole step is left."""
    if int(steps * strength) < 1:
        least = math.ceil(1 / strength)
        raise UserError(
            f"a strength of {strength:g} of {steps} steps is less than one step: use"
            f" --option steps={least}"
        )


def find_multiple(folder: Path) -> int:
    """What sides of frames must be multiples of: the autoencoder's factor times the denoiser's."""
    factor = find_vae_multiple(folder)
    for name in ("unet", "transformer"):
        file = folder / name / "config.json"
        if file.is_file():
            config = json.loads(file.read_text())
            patch = config.get("patch_size") or 1
            halvings = len(config.get("block_out_channels", [0])) - 1
            return factor * int(patch[-1] if isinstance(patch, list) else patch) * 2**halvings
    return factor


class VideoToVideo:
    """A pipeline on its device, which edits clips."""

    def __init__(self, folder: Path, precision: str) -> None:
        import diffusers

        loaded = load_pipeline(folder, precision)
        kind: Any = type(loaded)
        if "strength" not in list_parameters(kind):
            other = FROM_VIDEO.get(kind.__name__)
            if other is None:
                raise UserError(
                    f"{folder} holds a {kind.__name__}, which starts from no video: use one of"
                    f" {', '.join(FROM_VIDEO)}, or of those whose call has a strength"
                )
            kind = getattr(diffusers, other)
            # Wan's text to video may have a second denoiser, for which there is no place here.
            parts = inspect.signature(kind.__init__).parameters
            loaded = kind(**{k: v for k, v in loaded.components.items() if k in parts})
            loaded.set_progress_bar_config(disable=True)
        self._pipe: Any = loaded
        self._parameters = list_parameters(kind)
        given = [name for name in INPUTS if name in self._parameters]
        if not given:
            raise UserError(f"{kind.__name__} takes neither a video nor an image: use another")
        self._input, self.name = given[0], kind.__name__
        place_pipeline(self._pipe, Speed(), tiling=False)

    def edit(
        self, frames: np.ndarray, prompt: str, seed: int, options: dict[str, Any]
    ) -> np.ndarray:
        """A window (T, H, W, 3) in 0 to 1, edited; its noise depends on `seed` alone."""
        import torch

        if self._input == "image":
            made = [self._call(frame, prompt, seed, options)[0] for frame in frames]
            return np.stack(made).astype(np.float32)
        step = next(
            (int(getattr(self._pipe, n)) for n in TEMPORAL_FACTORS if hasattr(self._pipe, n)), 1
        )
        padded = np.concatenate([frames, frames[-1:].repeat(-(len(frames) - 1) % step, axis=0)])
        # A tensor: pictures would be rounded to bytes.
        video = torch.from_numpy(padded).movedim(-1, 1)[None]
        return self._call(video, prompt, seed, options)[0][: len(frames)].astype(np.float32)

    def _call(self, given: Any, prompt: str, seed: int, options: dict[str, Any]) -> Any:
        import torch

        height, width = given.shape[-2:] if self._input == "video" else given.shape[:2]
        arguments = {
            self._input: given, "prompt": prompt, "strength": options["strength"],
            "num_inference_steps": options["steps"], "guidance_scale": options["guidance"],
            "negative_prompt": options["negative"], "height": height, "width": width,
            # On the CPU, so that the same seed gives the same noise on any device.
            "generator": torch.Generator("cpu").manual_seed(seed), "output_type": "np",
        }  # fmt: skip
        try:
            with deterministic_inference():
                made = self._pipe(**{k: v for k, v in arguments.items() if k in self._parameters})
        except (ValueError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            raise UserError(f"{self.name} rejects frames of {width}x{height}: {error}") from error
        return np.asarray(made.frames if hasattr(made, "frames") else made.images)
