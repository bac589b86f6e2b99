"""Any open_clip architecture, with published weights, a weights file, or the bundled tiny model."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.specs.pipeline import EmbedSpec
from engines import bundled as tiny
from engines.embed.batching import OUT_OF_MEMORY
from engines.embed.weights import file_digest, is_openai_file, is_tag, weights_file
from engines.video.frames import Resize

if TYPE_CHECKING:
    import torch

VERSION = "1"
# Smaller batches are filled up: fp32 takes other kernels for them on a CPU (below 10 for ViT-B-32,
# below 16 for the bundled model) and gives other last bits. From here on size, place in the batch
# and threads change nothing; in bf16 they never do.
LEAST = 16
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

log = logging.getLogger(__name__)


def digest(spec: EmbedSpec) -> str:
    """The digest of the weights file, fetched first where the spec names a published tag.

    For a file or the bundled weights it needs no open_clip: a finished run says so at once.
    """
    return file_digest(weights_file(spec))


class Embedder:
    """Loads nothing until `load`; then `dim` and `resize` are known."""

    dim: int
    resize: Resize
    slow = True

    def __init__(self, spec: EmbedSpec) -> None:
        self.spec = spec

    def load(self, threads: int | None = None, compile: bool = False) -> None:
        import open_clip
        import torch

        if threads:
            torch.set_num_threads(threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        model = _built(self.spec, self._device).eval()
        self._tokenize = open_clip.get_tokenizer(self.spec.model)
        self._model: Any = model
        self._encode = torch.compile(model.encode_image) if compile else model.encode_image
        self._look = _Look(_preprocess(self.spec), self._device, DTYPES[self.spec.precision])
        self.resize = self._look.resize
        self.dim = open_clip.get_model_config(self.spec.model)["embed_dim"]
        log.info("%s in %s on %s", self.spec.model, self.spec.precision, self._device)

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        import torch

        count = len(pixels)
        if count < LEAST:
            pixels = np.concatenate([pixels, np.repeat(pixels[:1], LEAST - count, axis=0)])
        with torch.inference_mode():
            vectors = self._encode(self._look.normalised(pixels))
        return vectors[:count].float().cpu().numpy()

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            tokens = self._tokenize(list(texts)).to(self._device)
            return self._model.encode_text(tokens).float().cpu().numpy()


def _built(spec: EmbedSpec, device: str) -> Any:
    """The model with its weights; a UserError where the file does not hold them."""
    from pickle import UnpicklingError

    import open_clip

    tiny.register_model()
    file = weights_file(spec)
    openai = not is_tag(spec) and _is_openai_file(spec)
    try:
        return open_clip.create_model(
            spec.model, file, precision=spec.precision, device=device,
            force_quick_gelu=_quick_gelu(spec),
            weights_only=not openai,  # OpenAI's are TorchScript: loaded whole, but by digest alone
        )  # fmt: skip
    except UnpicklingError as error:
        raise UserError(f"{file} holds more than weights: refused. Use a .safetensors") from error
    except (AssertionError, KeyError, RuntimeError) as error:
        if type(error).__name__ in OUT_OF_MEMORY:
            raise
        said = str(error).splitlines()[0]
        raise UserError(f"{file} does not hold the weights of {spec.model}: {said}") from error


class _Look:
    """The model's own preprocessing, after the resize: scale and normalise in one step."""

    def __init__(self, config: dict[str, Any], device: str, dtype: str) -> None:
        import torch

        size = config["size"] if isinstance(config["size"], int) else config["size"][0]
        self.resize = Resize(
            size, config["resize_mode"], config["interpolation"], config["fill_color"]
        )
        mean, std = (
            torch.tensor(config[key], device=device).view(1, 3, 1, 1) for key in ("mean", "std")
        )
        self._device, self._dtype = device, getattr(torch, dtype)
        self._scale, self._shift = 1 / (255 * std), mean / std

    def normalised(self, pixels: np.ndarray) -> "torch.Tensor":
        import torch

        wide = torch.from_numpy(pixels).to(self._device) * self._scale - self._shift
        return wide.to(self._dtype)


def _preprocess(spec: EmbedSpec) -> dict[str, Any]:
    from dataclasses import asdict

    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    config = asdict(PreprocessCfg())
    said = _known(spec)
    said = {key: value for key, value in said.items() if key in config}
    config = merge_preprocess_dict(config, said)
    image_size = _architecture(spec)["vision_cfg"].get("image_size", 224)
    return config | {"size": image_size}


def _known(spec: EmbedSpec) -> dict[str, Any]:
    """What open_clip records of a published tag; nothing for a file."""
    from open_clip.pretrained import get_pretrained_cfg

    return dict(get_pretrained_cfg(spec.model, spec.weights)) if is_tag(spec) else {}


def _quick_gelu(spec: EmbedSpec) -> bool:
    """OpenAI's weights need QuickGELU, which open_clip 3 only warns of."""
    if spec.activation != "auto":
        return spec.activation == "quickgelu"
    said = bool(_known(spec).get("quick_gelu")) or spec.weights == "openai"
    return said or (not is_tag(spec) and _is_openai_file(spec))


def _is_openai_file(spec: EmbedSpec) -> bool:
    return is_openai_file(weights_file(spec), spec.model)


def _architecture(spec: EmbedSpec) -> dict[str, Any]:
    import open_clip

    tiny.register_model()
    return open_clip.get_model_config(spec.model)
