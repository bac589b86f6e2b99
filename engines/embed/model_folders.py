"""Folders of transformers models: by path, or by a published name that is fetched once."""

from hashlib import sha256
from pathlib import Path

from data.errors import UserError
from engines.embed.weights import digest_file

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SHARDS = "model-*-of-*.safetensors"  # of models that are too large for one file


def find_folder(weights: str, flag: str) -> Path:
    """The folder of a model; a UserError where it is neither here nor can be fetched.

    `flag` is the option that named it.
    """
    if Path(weights).is_dir():
        return Path(weights)
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.txt", "*.jinja", "tokenizer.model", *WEIGHTS, SHARDS]
    try:
        return Path(snapshot_download(weights, allow_patterns=patterns, local_files_only=True))
    except Exception:  # not in the cache yet
        try:
            return Path(snapshot_download(weights, allow_patterns=patterns))
        except Exception as error:  # of the hub, of HTTP, of the name
            raise UserError(
                f"cannot fetch {weights} ({type(error).__name__}): name a folder with {flag}"
            ) from error


def digest_folder(folder: Path, *more: str) -> str:
    """The digest of a folder's weights, settings and vocabulary; a UserError without weights."""
    files = [folder / name for name in WEIGHTS if (folder / name).is_file()][:1]
    files = files or sorted(folder.glob(SHARDS))
    if not files:
        raise UserError(f"{folder} has no weights of transformers: it has no {WEIGHTS[0]}")
    files += [*sorted(folder.glob("*.json")), *sorted(folder.glob("*.txt"))]
    files += [folder / name for name in more if (folder / name).is_file()]
    lines = [f"{each.relative_to(folder)} {digest_file(str(each))}" for each in files]
    return sha256("\n".join(lines).encode()).hexdigest()
