"""OpenAI's CLIP (Radford et al. 2021), ViT-L/14 or of any size, as the benchmark takes it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.embed.weights import is_openai_file
from engines.evaluate.protocol import Sample
from engines.evaluate.vision import checkpoint
from engines.evaluate.vision.device import device, exactly
from engines.evaluate.vision.encoder import Encoder
from engines.evaluate.vision.images import Colour, bicubic, square_crop, square_pad
from engines.evaluate.vision.registry import Models

if TYPE_CHECKING:
    from torch import Tensor

FILE = "ViT-L-14.pt"
FETCH = (
    "curl -LO https://openaipublic.azureedge.net/clip/models/"
    f"b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836/{FILE}"
)
MODEL = "ViT-L-14"
LOOK: tuple[Colour, Colour] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)
SIZES = ("input_resolution", "context_length", "vocab_size")  # numbers among OpenAI's weights


class Clip:
    """Vectors of pictures and texts, (n, 768) of ViT-L/14, projected and not normalised.

    They are float16 where the spec's `clip_dtype` is fp16, and float32 else.
    """

    def __init__(self, model: Any, spec: EvaluateSpec) -> None:
        self._model = model
        self._half = spec.clip_dtype == "fp16"
        size, self.dim = model.visual.image_size[0], model.visual.output_dim
        square = square_crop if spec.crop == "short" else lambda seen: square_pad(seen, 0)
        self._look = Encoder(self._seen, lambda seen: bicubic(square(seen), size), *LOOK, self.dim)

    def images(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Of n RGB pictures (H, W, 3) uint8, in chunks of a fixed size.

        The square of the shorter side (with `crop` long: of the longer one, on black), resized by
        Pillow's bicubic filter.
        """
        return self._rounded(self._look.embed(frames))

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Of n texts, each cut to 77 tokens that end as all do; each by itself."""
        return self._rounded(np.concatenate([self._said(text) for text in texts]))

    def _seen(self, shown: "Tensor") -> "Tensor":
        return self._model.encode_image(shown.to(self._model.visual.conv1.weight.dtype))

    def _said(self, text: str) -> np.ndarray:
        import open_clip

        tokens = open_clip.tokenize([text], self._model.context_length)
        with exactly():
            return self._model.encode_text(tokens.to(device())).float().cpu().numpy()

    def _rounded(self, vectors: np.ndarray) -> np.ndarray:
        return vectors.astype(np.float16) if self._half else vectors


def load(spec: EvaluateSpec, file: str) -> Clip:
    """CLIP from OpenAI's own file, or from a state dict of its names."""
    weights = _weights(file)
    return Clip(_built(weights, spec.clip_dtype == "fp16", f"OpenAI's CLIP ({file})"), spec)


def frames(video: Sample, models: Models) -> np.ndarray:
    """CLIP's vectors of a video's frames, which several metrics share."""
    return video.once("clip", lambda: models.get("clip").images(video.frames))


def _weights(file: str) -> dict[str, "Tensor"]:
    import torch

    if is_openai_file(file, MODEL):
        held = torch.jit.load(file, map_location="cpu").state_dict()
    else:
        held = checkpoint.read(file)
    return {name: value for name, value in held.items() if name not in SIZES}


def _built(weights: "Mapping[str, Tensor]", half: bool, of: str) -> Any:
    """open_clip's model with QuickGELU, of the sizes that the weights have.

    In half precision its weights are rounded as OpenAI's are; a CPU then computes in single.
    """
    import torch
    from open_clip.model import build_model_from_openai_state_dict

    dtype = torch.float16 if half else torch.float32
    try:
        model = build_model_from_openai_state_dict(dict(weights), cast_dtype=dtype)
    except (KeyError, RuntimeError, AssertionError, ZeroDivisionError) as error:
        said = str(error).splitlines()[0]
        raise UserError(f"these are no weights of {of}: {said}") from error
    if not half:
        model = checkpoint.load(model.float(), weights, of)
    model = model.requires_grad_(False).to(device())
    return model if half and device() == "cuda" else model.float()
