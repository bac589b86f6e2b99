"""Sources of a clip's texts and pictures: a prepared folder, or one of the miniature."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from data.outcome import Failed
from data.store.temporary import TemporaryFolder
from engines.evaluate.benchmarks.msrvtt_personalization import cutting, folder
from engines.evaluate.benchmarks.msrvtt_personalization.annotations import (
    CutOut,
    read_annotation,
    read_cutouts,
)
from engines.video.frames import DecodeError
from engines.video.guard.guard import Guard

MAX_BEYOND = 1 << 12  # pixels
SAMPLE, TRUTH, REFERENCE = "sample.json", "ground_truth.mp4", "conditioning.jpg"


class Source(Protocol):
    """One clip; pictures are (H, W, 3) uint8 RGB. Methods raise `DecodeError` if they fail."""

    subjects: tuple[str, ...]
    objects: tuple[str, ...]

    def read_caption(self) -> str: ...

    def read_frames(self) -> list[np.ndarray]:
        """The three frames, in order."""
        ...

    def read_cutouts(self, tag: str) -> list[np.ndarray]:
        """A tag's cut-outs on white; empty if there are none."""
        ...

    def read_faces(self) -> list[np.ndarray]:
        """The crops of the subject with a face; empty unless there is exactly one."""
        ...


def open_source(clip: Path, guard: Guard, annotations: str | None = None) -> Source:
    """Opens a clip's folder. Faces are in the order of `annotations`, else of their file names."""
    if (clip / SAMPLE).exists():
        return MiniatureClip(clip, guard)
    return PreparedClip(clip, annotations)


def list_inputs(clip: Path) -> list[Path]:
    """The files that a clip's vectors depend on, in a fixed order."""
    if (clip / SAMPLE).exists():
        return [clip / name for name in (SAMPLE, TRUTH, REFERENCE)]
    # Not the video and the background: no vector is made from them.
    names = {folder.CAPTION, folder.TAGS, *cutting.FRAMES}
    return sorted(file for file in clip.iterdir() if file.name in names or file.suffix == ".png")


class PreparedClip:
    """A clip's folder as written by `prepare` or by the published script."""

    def __init__(self, clip: Path, annotations: str | None) -> None:
        self._clip, self._annotations = clip, annotations
        tags = folder.read_tags(clip)
        self.subjects, self.objects = tuple(tags["subject"]), tuple(tags["object"])
        self._faces = tags["subject_with_face"]

    def read_caption(self) -> str:
        return folder.read_caption(self._clip)

    def read_frames(self) -> list[np.ndarray]:
        return [read_picture(self._clip / name) for name in cutting.FRAMES]

    def read_cutouts(self, tag: str) -> list[np.ndarray]:
        return [read_on_white(file) for file in folder.list_cutouts(self._clip, tag)]

    def read_faces(self) -> list[np.ndarray]:
        if len(self._faces) != 1:
            return []
        files = folder.list_cutouts(self._clip, self._faces[0], face=True)
        annotated = {each.file: each.beyond for each in self._read_annotated()}
        order = list(annotated)
        # Files without an entry come last; a tag has at most three.
        files.sort(key=lambda file: order.index(file.name) if file.name in order else 9)
        # A cut-out keeps the frame's colours under the mask, so this is the unmasked crop.
        return [read_face(file, annotated.get(file.name)) for file in files]

    def _read_annotated(self) -> list[CutOut]:
        """The annotated faces of the subject in their order; none without annotations."""
        if self._annotations is None:
            return []
        about = Path(self._annotations)
        cutouts = read_cutouts(about, read_annotation(about, self._clip.name))
        return [each for each in cutouts if each.face and each.tag == self._faces[0]]


@dataclass
class MiniatureClip:
    """A clip of the miniature: a caption, one tag with one picture, and the real clip."""

    clip: Path
    guard: Guard
    objects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            sample = json.loads((self.clip / SAMPLE).read_bytes())
            texts = [sample[key] for key in ("caption", "conditioned_word", "mode")]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DecodeError("rejected", f"{self.clip.name}/{SAMPLE}: {error!r}") from error
        if not all(isinstance(text, str) for text in texts) or texts[2] not in ("subject", "face"):
            detail = f"{self.clip.name}/{SAMPLE}: needs texts and the mode subject or face"
            raise DecodeError("rejected", detail)
        self._caption, word, self._mode = texts
        self.subjects: tuple[str, ...] = (word,) if self._mode == "subject" else ()

    def read_caption(self) -> str:
        return self._caption

    def read_frames(self) -> list[np.ndarray]:
        with TemporaryFolder() as drafts:
            job = {"video": str((self.clip / TRUTH).absolute()), "folder": drafts}
            outcome = next(self.guard.run_module(cutting.__name__, [(self.clip.name, job)]))
            if isinstance(outcome, Failed):
                raise DecodeError(outcome.reason, f"{TRUTH}: {outcome.detail}")
            return [read_picture(Path(drafts) / name) for name in cutting.FRAMES]

    def read_cutouts(self, tag: str) -> list[np.ndarray]:
        return [read_picture(self.clip / REFERENCE)]

    def read_faces(self) -> list[np.ndarray]:
        return [read_picture(self.clip / REFERENCE)] if self._mode == "face" else []


def read_picture(file: Path) -> np.ndarray:
    """(H, W, 3) RGB bytes of a picture, ignoring transparency."""
    return _read_pixels(file)[..., :3]


def read_face(file: Path, beyond: tuple[int, int] | None = None) -> np.ndarray:
    """(H, W, 3) RGB bytes of the annotated box, black where it exceeds the frame.

    As the benchmark crops faces; the file itself ends at the frame. `beyond` are the columns and
    rows of the excess; if None they are those that `prepare` noted in the file.
    """
    if beyond is None:
        beyond = _read_beyond(file)
    return np.pad(read_picture(file), ((0, beyond[1]), (0, beyond[0]), (0, 0)))


def _read_beyond(file: Path) -> tuple[int, int]:
    from PIL import Image

    with _translate_errors(file), Image.open(file) as picture:
        words = str(picture.info.get(folder.BEYOND, "0 0")).split()
        columns, rows = (min(int(word), MAX_BEYOND) for word in words)
        return max(columns, 0), max(rows, 0)


def read_on_white(file: Path) -> np.ndarray:
    """(H, W, 3) RGB bytes of a picture, white where it is fully transparent."""
    pixels = _read_pixels(file)
    return np.where(pixels[..., 3:] == 0, np.uint8(255), pixels[..., :3])


def _read_pixels(file: Path) -> np.ndarray:
    from PIL import Image

    with _translate_errors(file), Image.open(file) as picture:
        return np.asarray(picture.convert("RGBA"))


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    from PIL import Image

    try:
        yield
    except FileNotFoundError as error:
        raise DecodeError("missing", f"no {file.parent.name}/{file.name}") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DecodeError("undecodable", f"{file.parent.name}/{file.name}: {error}") from error
