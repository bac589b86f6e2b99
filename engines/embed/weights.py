"""Finds the weights that a spec names, and the digest that identifies them."""

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from data.errors import UserError
from data.specs.pipeline import EmbedSpec
from engines import bundled
from engines.embed.hub import Report, explain_absence, fetch_file, ignore_report
from engines.open_clip_import import import_open_clip
from engines.weights_file import check_weights_file


def digest_file(path: str) -> str:
    """SHA-256 of a file, in hex; read again only once its size or time of change differs."""
    stat = Path(path).stat()
    return _digest_version(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest_version(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve_weights(spec: EmbedSpec, report: Report = ignore_report) -> str:
    """The path of the spec's weights file, downloaded once where the spec names a published tag.

    A UserError where there is no such model, tag or file.
    """
    _check_model_name(spec)
    if spec.weights is None:
        if spec.model != bundled.NAME:
            raise UserError(
                f"{spec.model} has no default weights: add --weights TAG or --weights PATH"
            )
        return str(bundled.WEIGHTS)
    return _fetch_weights(spec, report) if is_tag(spec) else _check_file(spec.weights)


def _fetch_weights(spec: EmbedSpec, report: Report) -> str:
    open_clip = import_open_clip()
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

    tags = open_clip.list_pretrained_tags_by_model(spec.model)
    if spec.weights not in tags:
        raise UserError(
            f"no weights {spec.weights!r} for {spec.model}: its tags are {', '.join(tags)}"
        )
    config = open_clip.get_pretrained_cfg(spec.model, spec.weights)
    what = f"{spec.model} {spec.weights}"
    repo, _, name = config.get("hf_hub", "").rpartition("/")
    if repo:
        # As open_clip does: safetensors where the repository has them.
        stem = name.rpartition(".")[0]
        names = [f"{stem}.safetensors", name] if name else [HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME]
        return fetch_file(repo, names, what, report)
    try:
        return open_clip.pretrained.download_pretrained(config)
    except Exception as error:
        place = config.get("url", "its publisher")
        raise UserError(explain_absence(what, place, error)) from error


def is_tag(spec: EmbedSpec) -> bool:
    """Whether the spec names published weights."""
    return spec.weights is not None and not _is_path(spec.weights)


def _is_path(weights: str) -> bool:
    """Whether the text is a path rather than a published tag."""
    return "/" in weights or Path(weights).suffix in (".safetensors", ".pt", ".pth", ".bin", ".npz")


def is_openai_file(file: str, model: str) -> bool:
    """Whether a file is OpenAI's CLIP of that name, by its digest."""
    # Their files are TorchScript, which is a program: only the very bytes that they published are
    # loaded. Their published addresses contain the digests.
    if not file.endswith(".pt"):  # as published; no other file needs to be hashed
        return False
    pretrained = import_open_clip().pretrained
    address = pretrained.get_pretrained_url(model.removesuffix("-quickgelu"), "openai")
    return digest_file(file) in address


def _check_file(weights: str) -> str:
    """The path itself; a UserError where it cannot be a file of weights."""
    if not Path(weights).exists():
        raise UserError(f"no weights file {weights}: give the path of one, or a published tag")
    check_weights_file(weights)
    return weights


def _check_model_name(spec: EmbedSpec) -> None:
    """Raises a UserError where open_clip has no such model."""
    # By its files: importing it takes 9 s of CPU.
    package = find_spec("open_clip")
    assert package is not None and package.origin is not None
    file = Path(package.origin).parent / "model_configs" / f"{spec.model}.json"
    if spec.model != bundled.NAME and not file.is_file():
        raise UserError(
            f"open_clip has no model {spec.model!r}: `python -c 'import open_clip;"
            " print(open_clip.list_models())'` lists them"
        )
