"""The background picture of a clip: its second frame with all subjects inpainted."""

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
# The published settings: diffusers' defaults except for the guidance scale.
PUBLISHED: Mapping[str, Any] = {"guidance_scale": 12.0, "num_inference_steps": 50}


def build_inpaint_mask(cutouts: Iterable[CutOut], size: tuple[int, int]) -> np.ndarray:
    """(height, width) bool: the union of the second frame's masks, dilated and with holes filled.

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
    """Paints backgrounds with a Stable Diffusion inpainting pipeline, given by folder or name.

    Every clip starts from the same seed, so the result does not depend on other clips.
    """

    model: str
    seed: int = 0
    side: int = 512
    options: Mapping[str, Any] = field(default_factory=lambda: PUBLISHED)

    def load(self) -> None:
        import torch

        from engines.generate.pipelines.folder import pipeline_folder
        from engines.generate.pipelines.loading import load_pipeline, pipeline_class

        folder, on_gpu = pipeline_folder(self.model), torch.cuda.is_available()
        if pipeline_class(folder).__name__ != KIND:
            raise UserError(f"{self.model} is not a {KIND}: backgrounds need one")
        pipe: Any = load_pipeline(folder, "fp16" if on_gpu else "fp32")
        self._pipe, self._lock = pipe.to("cuda" if on_gpu else "cpu"), threading.Lock()

    def paint(self, folder: Path, mask: np.ndarray) -> None:
        """Writes a clip's background: its second frame, inpainted where `mask` (height, width)."""
        import cv2
        import torch
        from PIL import Image

        frame = Image.open(folder / FRAME).convert("RGB")
        square = (self.side, self.side)
        request = {
            "prompt": PROMPT, "negative_prompt": NEGATIVE, "image": frame.resize(square),
            "mask_image": Image.fromarray(mask.astype(np.uint8) * 255).resize(square),
            "height": self.side, "width": self.side,
            "generator": torch.Generator("cpu").manual_seed(self.seed), **self.options,
        }  # fmt: skip
        with self._lock:  # a scheduler has state: one thread at a time
            painted = self._pipe(**request).images[0].resize(frame.size)
        # The model changes pixels outside the mask too: those of the frame are kept.
        pixels = np.where(mask[..., None], np.asarray(painted), np.asarray(frame))
        _, content = cv2.imencode(".jpg", pixels[..., ::-1])
        draft = folder / f".{BACKGROUND}"
        draft.write_bytes(content.tobytes())
        os.replace(draft, folder / BACKGROUND)
