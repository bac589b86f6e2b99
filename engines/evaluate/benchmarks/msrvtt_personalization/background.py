"""What a clip's second frame shows where nobody stands in the way, painted by a model."""

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError
from engines.evaluate.benchmarks.msrvtt_personalization.annotations import CutOut
from engines.evaluate.benchmarks.msrvtt_personalization.cutting import FRAMES
from engines.evaluate.benchmarks.msrvtt_personalization.folder import BACKGROUND

FRAME = FRAMES[1]
KIND = "StableDiffusionInpaintPipeline"
PROMPT = "clean and empty background"
NEGATIVE = "any human or any object, complex pattern and texture"
# As diffusers has it, but for the scale.
PUBLISHED: Mapping[str, Any] = {"guidance_scale": 12.0, "num_inference_steps": 50}


def hidden(cutouts: Iterable[CutOut], size: tuple[int, int]) -> np.ndarray:
    """(height, width) bool: all that the masks of the second frame cover, grown and without holes.

    Dilated three times by a 4 x 4 square, as published.
    """
    import cv2
    from scipy.ndimage import binary_fill_holes

    covered = np.zeros((size[1], size[0]), np.uint8)
    for each in cutouts:
        if each.frame == FRAME:
            left, top, right, bottom = each.box
            covered[top:bottom, left:right] |= each.mask.astype(np.uint8)
    grown = cv2.dilate(covered, np.ones((4, 4), np.uint8), iterations=3)
    return np.asarray(binary_fill_holes(grown), bool)


@dataclass
class Inpainter:
    """A Stable Diffusion inpainting pipeline, a folder or a name; the same seed for every clip."""

    model: str
    seed: int = 0
    side: int = 512
    how: Mapping[str, Any] = field(default_factory=lambda: PUBLISHED)

    def load(self) -> None:
        import torch

        from engines.generate.pipelines.folder import pipeline_folder
        from engines.generate.pipelines.loading import load, pipeline_class

        folder, on_gpu = pipeline_folder(self.model), torch.cuda.is_available()
        if pipeline_class(folder).__name__ != KIND:
            raise UserError(f"{self.model} is no {KIND}, which paints backgrounds")
        pipe: Any = load(folder, "fp16" if on_gpu else "fp32")
        self._pipe, self._lane = pipe.to("cuda" if on_gpu else "cpu"), threading.Lock()

    def paint(self, folder: Path, where: np.ndarray) -> None:
        """Writes a clip's background: its second frame, painted over `where` (height, width)."""
        import cv2
        import torch
        from PIL import Image

        frame = Image.open(folder / FRAME).convert("RGB")
        square = (self.side, self.side)
        asked = {
            "prompt": PROMPT, "negative_prompt": NEGATIVE, "image": frame.resize(square),
            "mask_image": Image.fromarray(where.astype(np.uint8) * 255).resize(square),
            "height": self.side, "width": self.side,
            "generator": torch.Generator("cpu").manual_seed(self.seed), **self.how,
        }  # fmt: skip
        with self._lane:  # a scheduler is not for two threads at once
            painted = self._pipe(**asked).images[0].resize(frame.size)
        seen = np.where(where[..., None], np.asarray(painted), np.asarray(frame))
        _, content = cv2.imencode(".jpg", seen[..., ::-1])
        draft = folder / f".{BACKGROUND}"
        draft.write_bytes(content.tobytes())
        os.replace(draft, folder / BACKGROUND)
