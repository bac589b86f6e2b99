"""Where a clip's texts and pictures are taken from: a prepared folder, or the miniature's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from data.outcome import Failed
from data.store.temporary import Temporary
from engines.evaluate.benchmarks.msrvtt_personalization import cutting, folder
from engines.evaluate.benchmarks.msrvtt_personalization.annotations import annotation, cutouts
from engines.video.frames import DecodeError
from engines.video.guard.guard import Guard

SAMPLE, TRUTH, REFERENCE = "sample.json", "ground_truth.mp4", "conditioning.jpg"


class Source(Protocol):
    """One clip; its pictures are (H, W, 3) uint8 RGB. `DecodeError` where they cannot be had."""

    subjects: tuple[str, ...]
    objects: tuple[str, ...]

    def caption(self) -> str: ...

    def frames(self) -> list[np.ndarray]:
        """The three frames, in order."""
        ...

    def cutouts(self, tag: str) -> list[np.ndarray]:
        """What a tag looks like, on white; none where nothing was cut out."""
        ...

    def faces(self) -> list[np.ndarray]:
        """The crops of the only face; none where there is none, or more than one."""
        ...


def source(clip: Path, guard: Guard, annotations: str | None = None) -> Source:
    """A clip of either kind. Faces are in the order of the `annotations`, else of their files."""
    if (clip / SAMPLE).exists():
        return Miniature(clip, guard)
    return PreparedClip(clip, annotations)


def inputs(clip: Path) -> list[Path]:
    """The files that a clip's vectors are made of, in order."""
    if (clip / SAMPLE).exists():
        return [clip / name for name in (SAMPLE, TRUTH, REFERENCE)]
    named = {folder.CAPTION, folder.TAGS, *cutting.FRAMES}
    return sorted(file for file in clip.iterdir() if file.name in named or file.suffix == ".png")


class PreparedClip:
    """A clip's folder as `prepare`, or the published script, leaves it."""

    def __init__(self, clip: Path, annotations: str | None) -> None:
        self._clip, self._annotations = clip, annotations
        tags = folder.read_tags(clip)
        self.subjects, self.objects = tuple(tags["subject"]), tuple(tags["object"])
        self._faces = tags["subject_with_face"]

    def caption(self) -> str:
        return folder.caption(self._clip)

    def frames(self) -> list[np.ndarray]:
        return [picture(self._clip / name) for name in cutting.FRAMES]

    def cutouts(self, tag: str) -> list[np.ndarray]:
        return [on_white(file) for file in folder.pictures(self._clip, tag)]

    def faces(self) -> list[np.ndarray]:
        # The cut-out's colours are those of the frame, under the mask too: the crop of the box.
        return [picture(file) for file in self._face_files()]

    def _face_files(self) -> list[Path]:
        if len(self._faces) != 1:
            return []
        found = folder.pictures(self._clip, self._faces[0], face=True)
        if self._annotations is None:
            return found
        about = Path(self._annotations)
        listed = cutouts(about, annotation(about, self._clip.name))
        order = [each.file for each in listed if each.face and each.tag == self._faces[0]]
        return sorted(found, key=lambda file: order.index(file.name) if file.name in order else 9)


@dataclass
class Miniature:
    """A clip of the miniature: a caption, one word with one picture, and the real clip."""

    clip: Path
    guard: Guard
    objects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            said = json.loads((self.clip / SAMPLE).read_bytes())
            texts = [said[key] for key in ("caption", "conditioned_word", "mode")]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DecodeError("rejected", f"{self.clip.name}/{SAMPLE}: {error!r}") from error
        if not all(isinstance(text, str) for text in texts) or texts[2] not in ("subject", "face"):
            raise DecodeError(
                "rejected", f"{self.clip.name}/{SAMPLE}: texts, and a mode are needed"
            )
        self._caption, word, self._mode = texts
        self.subjects: tuple[str, ...] = (word,) if self._mode == "subject" else ()

    def caption(self) -> str:
        return self._caption

    def frames(self) -> list[np.ndarray]:
        with Temporary() as drafts:
            asked = {"video": str((self.clip / TRUTH).absolute()), "folder": drafts}
            outcome = next(self.guard.work(cutting.__name__, [(self.clip.name, asked)]))
            if isinstance(outcome, Failed):
                raise DecodeError(outcome.reason, f"{TRUTH}: {outcome.detail}")
            return [picture(Path(drafts) / name) for name in cutting.FRAMES]

    def cutouts(self, tag: str) -> list[np.ndarray]:
        return [picture(self.clip / REFERENCE)]

    def faces(self) -> list[np.ndarray]:
        return [picture(self.clip / REFERENCE)] if self._mode == "face" else []


def picture(file: Path) -> np.ndarray:
    """(H, W, 3) RGB bytes of a picture; transparency is dropped, what is under it shows."""
    return _pixels(file)[..., :3]


def on_white(file: Path) -> np.ndarray:
    """(H, W, 3) RGB bytes of a picture, white where it is wholly transparent."""
    seen = _pixels(file)
    return np.where(seen[..., 3:] == 0, np.uint8(255), seen[..., :3])


def _pixels(file: Path) -> np.ndarray:
    from PIL import Image

    with _faults(file), Image.open(file) as opened:
        return np.asarray(opened.convert("RGBA"))


@contextmanager
def _faults(file: Path) -> Iterator[None]:
    from PIL import Image

    try:
        yield
    except FileNotFoundError as error:
        raise DecodeError("missing", f"no {file.parent.name}/{file.name}") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DecodeError("undecodable", f"{file.parent.name}/{file.name}: {error}") from error
