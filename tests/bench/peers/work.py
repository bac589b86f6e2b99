"""What every peer's script is told, and what it leaves; nothing of reelflow is imported here.

A script is run by the Python of its own environment as `python run_X.py REQUEST.json`.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Request:
    """Clips to embed: every nth frame of each, by open_clip's `model`, with `weights` of a file.

    `vectors` is the folder to leave them in, as `ID.npy` of shape (frames, dim) or as Parquet of
    `video_id`, `frame` and `vector`; a clip's id is the stem of its file.
    """

    clips: list[str]
    fps: int  # of every clip
    every: int
    model: str
    weights: str
    precision: str  # fp32 or bf16
    cores: int
    batch: int
    vectors: str
    swapped: bool = False  # blue for red, as OpenCV reads


def read_request() -> Request:
    """The request that the script was started with; its folder of vectors is made."""
    request = Request(**json.loads(Path(sys.argv[1]).read_text()))
    Path(request.vectors).mkdir(parents=True, exist_ok=True)
    return request


class Encoder:
    """open_clip as its own pages say to use it, on all cores; pictures to vectors."""

    def __init__(self, request: Request) -> None:
        import open_clip
        import torch

        torch.set_num_threads(request.cores)
        model, _, self.preprocess = open_clip.create_model_and_transforms(
            request.model, pretrained=request.weights
        )
        self.kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[request.precision]
        self.model = model.eval().to(self.kind)
        mark_loaded(request)

    def embed(self, pictures: list[Any]) -> np.ndarray:
        """Float32 vectors (n, dim) of PIL pictures."""
        import torch

        with torch.inference_mode():
            pixels = torch.stack([self.preprocess(picture) for picture in pictures])
            return self.model.encode_image(pixels.to(self.kind)).float().numpy()


def mark_loaded(request: Request) -> None:
    """Notes when the first model was there; models of later workers change nothing."""
    mark = Path(request.vectors) / "loaded"
    if not mark.exists():
        mark.write_text(str(time.time()))


def mark_ended(request: Request) -> None:
    """Notes when the last vector was written."""
    (Path(request.vectors) / "ended").write_text(str(time.time()))
