"""Any open_clip architecture, with published weights, a weights file, or the bundled tiny model."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.specs.pipeline import EmbedSpec
from engines import bundled
from engines.device import deterministic_inference
from engines.embed.batching import PaddedBatch
from engines.embed.hub import Report
from engines.embed.weights import digest_file, is_openai_file, is_tag, resolve_weights
from engines.memory import is_out_of_memory
from engines.open_clip_import import import_open_clip
from engines.video.frames import Resize
from engines.weights_file import open_weights

if TYPE_CHECKING:
    import torch

VERSION = "1"
# Smaller batches are padded: for them a CPU uses other kernels (in fp32 below 10 pictures for
# ViT-B-32, below 16 for the bundled model; for single texts in bf16 too), whose last bits differ.
# From this size on, neither size, place in the batch nor threads change a vector.
MIN_BATCH = 16
GPU_BATCH = 64  # pictures: a GPU chooses its kernels by the size, so there is only one
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

log = logging.getLogger(__name__)


def prepare(spec: EmbedSpec, report: Report) -> None:
    """Downloads the weights where the spec names a published tag and they are not here yet."""
    resolve_weights(spec, report)


def digest(spec: EmbedSpec) -> str:
    """The digest of the weights file, downloaded first where the spec names a published tag."""
    # Without open_clip for a file or the bundled weights: a run with nothing to do ends at once.
    return digest_file(resolve_weights(spec))


class Embedder:
    """An open_clip model; `dim` and `resize` are known once it is loaded."""

    dim: int
    resize: Resize
    slow = True

    def __init__(self, spec: EmbedSpec) -> None:
        self.spec = spec

    def load(self, threads: int | None = None, compile: bool = False) -> None:
        """Loads the weights onto the GPU if there is one."""
        import torch

        open_clip = import_open_clip()
        if threads:
            torch.set_num_threads(threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        model = _build_model(self.spec, self._device).eval()
        self._tokenize = open_clip.get_tokenizer(self.spec.model)
        self._model: Any = model
        self._encode = torch.compile(model.encode_image) if compile else model.encode_image
        self._normaliser = _Normaliser(
            _read_preprocessing(self.spec), self._device, DTYPES[self.spec.precision]
        )
        self.resize = self._normaliser.resize
        self.dim = open_clip.get_model_config(self.spec.model)["embed_dim"]
        on_gpu = self._device == "cuda"
        self._pictures = PaddedBatch(GPU_BATCH, GPU_BATCH) if on_gpu else PaddedBatch(MIN_BATCH)
        self._texts = PaddedBatch(MIN_BATCH, MIN_BATCH)
        log.info("%s in %s on %s", self.spec.model, self.spec.precision, self._device)

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        return self._pictures.apply(self._encode_images, pixels)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        tokens = self._tokenize(list(texts))  # each padded to the model's context length
        return self._texts.apply(self._encode_tokens, tokens.numpy())

    def _encode_images(self, pixels: np.ndarray) -> np.ndarray:
        with deterministic_inference():
            return self._encode(self._normaliser.normalise(pixels)).float().cpu().numpy()

    def _encode_tokens(self, tokens: np.ndarray) -> np.ndarray:
        import torch

        with deterministic_inference():
            rows = torch.from_numpy(tokens).to(self._device)
            return self._model.encode_text(rows).float().cpu().numpy()


def _build_model(spec: EmbedSpec, device: str) -> Any:
    """The model with its weights; a UserError where the file does not fit it."""
    from pickle import UnpicklingError

    from engines.nets.skip_init import SkipRandomInit

    open_clip = import_open_clip(_read_architecture(spec))
    file = resolve_weights(spec)
    openai = not is_tag(spec) and _is_openai_file(spec)
    with open_weights(file), SkipRandomInit():
        try:
            return open_clip.create_model(
                spec.model, file, precision=spec.precision, device=device,
                force_quick_gelu=_uses_quick_gelu(spec),
                weights_only=not openai,  # OpenAI's are TorchScript: their digest has been checked
            )  # fmt: skip
        except UnpicklingError as error:
            raise UserError(
                f"{file} contains code as well as weights, and is not loaded: use a .safetensors"
            ) from error
        except (AssertionError, KeyError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            detail = " ".join(str(error).split())[:300] or type(error).__name__
            raise UserError(f"{file} does not fit the model {spec.model}: {detail}") from error


class _Normaliser:
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

    def normalise(self, pixels: np.ndarray) -> "torch.Tensor":
        import torch

        # In fp32, and rounded to half precision once: at every step it would lose more.
        scaled = torch.from_numpy(pixels).to(self._device) * self._scale - self._shift
        return scaled.to(self._dtype)


def _read_preprocessing(spec: EmbedSpec) -> dict[str, Any]:
    from dataclasses import asdict

    import_open_clip()
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    config = asdict(PreprocessCfg())
    published = {k: v for k, v in _read_published_config(spec).items() if k in config}
    config = merge_preprocess_dict(config, published)
    image_size = _read_architecture(spec)["vision_cfg"].get("image_size", 224)
    return config | {"size": image_size}


def _read_published_config(spec: EmbedSpec) -> dict[str, Any]:
    """The settings that open_clip records for a published tag; none for a file."""
    if not is_tag(spec):
        return {}
    return dict(import_open_clip().get_pretrained_cfg(spec.model, spec.weights))


def _uses_quick_gelu(spec: EmbedSpec) -> bool:
    """Whether the model's activation is QuickGELU, an approximation of GELU."""
    # OpenAI's weights need it; without, open_clip 3 only warns, and the vectors are wrong.
    if spec.activation != "auto":
        return spec.activation == "quickgelu"
    recorded = bool(_read_published_config(spec).get("quick_gelu")) or spec.weights == "openai"
    return recorded or (not is_tag(spec) and _is_openai_file(spec))


def _is_openai_file(spec: EmbedSpec) -> bool:
    return is_openai_file(resolve_weights(spec), spec.model)


def _read_architecture(spec: EmbedSpec) -> dict[str, Any]:
    bundled.register_model()
    return import_open_clip().get_model_config(spec.model)
