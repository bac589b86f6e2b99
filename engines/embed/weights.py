"""Which weights a spec means, and the digest that stands for them."""

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from data.errors import UserError
from data.specs.pipeline import EmbedSpec
from engines import bundled as tiny


def file_digest(path: str) -> str:
    """SHA-256 of a file; read once for each state of it."""
    stat = Path(path).stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_file(spec: EmbedSpec) -> str:
    """The file that holds the spec's weights, fetched where it is published under a tag."""
    _check_named(spec)
    if spec.weights is None:
        if spec.model != tiny.NAME:
            raise UserError(
                f"{spec.model} comes without weights: add --weights TAG or --weights PATH"
            )
        return str(tiny.WEIGHTS)
    return _fetched(spec) if is_tag(spec) else _existing(spec.weights)


def _fetched(spec: EmbedSpec) -> str:
    import open_clip
    from open_clip.pretrained import download_pretrained, get_pretrained_cfg

    tags = open_clip.list_pretrained_tags_by_model(spec.model)
    if spec.weights not in tags:
        raise UserError(
            f"no weights {spec.weights!r} for {spec.model}: there are {', '.join(tags)}"
        )
    try:
        return download_pretrained(get_pretrained_cfg(spec.model, spec.weights))
    except Exception as error:
        raise UserError(
            f"cannot fetch {spec.model}/{spec.weights} ({type(error).__name__}): fetch the file on"
            " a machine with internet and give its path with --weights"
        ) from error


def is_tag(spec: EmbedSpec) -> bool:
    """Whether the spec names published weights."""
    return spec.weights is not None and not _is_path(spec.weights)


def _is_path(weights: str) -> bool:
    """Whether the text names a file rather than a published tag."""
    return "/" in weights or Path(weights).suffix in (".safetensors", ".pt", ".pth", ".bin", ".npz")


def is_openai_file(file: str, model: str) -> bool:
    """Whether a file is OpenAI's CLIP of that name: its digest stands in its published address.

    Theirs is TorchScript, a program: admitted by what it is, not by where it lies.
    """
    from open_clip.pretrained import get_pretrained_url

    if not file.endswith(".pt"):  # as they are published: others need not be read once more
        return False
    return file_digest(file) in get_pretrained_url(model.removesuffix("-quickgelu"), "openai")


def _existing(weights: str) -> str:
    """The path itself; a UserError where no file lies there."""
    if not Path(weights).is_file():
        raise UserError(f"no weights file {weights}: give the path of one, or a published tag")
    return weights


def _check_named(spec: EmbedSpec) -> None:
    """A UserError where open_clip has no such model; told without importing it (9 s of CPU)."""
    package = find_spec("open_clip")
    assert package is not None and package.origin is not None
    file = Path(package.origin).parent / "model_configs" / f"{spec.model}.json"
    if spec.model != tiny.NAME and not file.is_file():
        raise UserError(
            f"open_clip knows no model {spec.model!r}: `python -c 'import open_clip;"
            " print(open_clip.list_models())'` lists them"
        )
