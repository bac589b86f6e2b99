"""OpenAI's CLIP (Radford et al. 2021), ViT-L/14 or another size, as the benchmark uses it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.device import deterministic_inference, pick_device
from engines.embed.weights import is_openai_file
from engines.evaluate.protocol import Sample
from engines.evaluate.vision.encoder import Encoder
from engines.evaluate.vision.images import Colour, crop_square, pad_square, resize_bicubic
from engines.evaluate.vision.registry import ModelRegistry
from engines.memory import is_out_of_memory
from engines.open_clip_import import import_open_clip

if TYPE_CHECKING:
    from torch import Tensor

FILE = "ViT-L-14.pt"
FETCH = (
    "curl -LO https://openaipublic.azureedge.net/clip/models/"
    f"b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836/{FILE}"
)
MODEL = "ViT-L-14"
MEAN_STD: tuple[Colour, Colour] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)
SIZES = ("input_resolution", "context_length", "vocab_size")  # numbers among OpenAI's weights


class Clip:
    """Embeds pictures and texts: projected vectors, (n, 768) for ViT-L/14, not normalised.

    They are float16 if the spec's `clip_dtype` is fp16, else float32.
    """

    def __init__(self, model: Any, spec: EvaluateSpec) -> None:
        self._model = model
        self._half = spec.clip_dtype == "fp16"
        size, self.dim = model.visual.image_size[0], model.visual.output_dim
        square = crop_square if spec.crop == "short" else lambda picture: pad_square(picture, 0)
        self._look = Encoder(
            self._encode_pixels,
            lambda picture: resize_bicubic(square(picture), size),
            *MEAN_STD,
            self.dim,
        )

    def embed_images(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """(n, dim) vectors of n RGB pictures (H, W, 3) uint8.

        Pictures are cropped to the square of the shorter side (with `crop` long: padded with black
        to that of the longer one), then resized by Pillow's bicubic filter.
        """
        return self._round_vectors(self._look.embed(frames))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) vectors of n texts, each truncated to 77 tokens including the end token."""
        # One text at a time: in a batch, last bits depend on the other texts.
        return self._round_vectors(np.concatenate([self._embed_text(text) for text in texts]))

    def _encode_pixels(self, pixels: "Tensor") -> "Tensor":
        return self._model.encode_image(pixels.to(self._model.visual.conv1.weight.dtype))

    def _embed_text(self, text: str) -> np.ndarray:
        tokens = import_open_clip().tokenize([text], self._model.context_length)
        with deterministic_inference():
            return self._model.encode_text(tokens.to(pick_device())).float().cpu().numpy()

    def _round_vectors(self, vectors: np.ndarray) -> np.ndarray:
        return vectors.astype(np.float16) if self._half else vectors


def load(spec: EvaluateSpec, file: str) -> Clip:
    """CLIP from OpenAI's own file, or from a state dict of its names."""
    weights = _read_weights(file)
    return Clip(_build_model(weights, spec.clip_dtype == "fp16", f"OpenAI's CLIP ({file})"), spec)


def embed_frames(video: Sample, models: ModelRegistry) -> np.ndarray:
    """CLIP's vectors of a video's frames, computed once for all metrics."""
    return video.compute_once("clip", lambda: models.get("clip").embed_images(video.frames))


def _read_weights(file: str) -> dict[str, "Tensor"]:
    import torch

    # TorchScript runs code, so it is loaded only where the digest is that of OpenAI's file.
    if is_openai_file(file, MODEL):
        weights = torch.jit.load(file, map_location="cpu").state_dict()
    else:
        weights = checkpoint.read_weights(file)
    return {name: value for name, value in weights.items() if name not in SIZES}


def _build_model(weights: "Mapping[str, Tensor]", half: bool, label: str) -> Any:
    """open_clip's model with QuickGELU, in the sizes of the weights.

    With `half`, weights are rounded to float16 as OpenAI's are; a CPU still computes in float32.
    """
    import torch

    build_model = import_open_clip().model.build_model_from_openai_state_dict
    dtype = torch.float16 if half else torch.float32
    try:
        model = build_model(dict(weights), cast_dtype=dtype)
    except Exception as error:  # it reads the sizes off the names, and fails in any way
        if is_out_of_memory(error):
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(f"not the weights of {label}: {reason}") from error
    if not half:
        # open_clip has just rounded them to half precision: the float32 ones again.
        model = checkpoint.load_weights(model.float(), weights, label)
    model = model.requires_grad_(False).to(pick_device())
    return model if half and pick_device() == "cuda" else model.float()
