"""Prepares the benchmark's data from its annotations: one folder per clip.

A folder appears whole or not at all.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.store.disk_errors import translate_disk_errors
from engines.evaluate.benchmarks.msrvtt_personalization import cutting, folder
from engines.evaluate.benchmarks.msrvtt_personalization.annotations import (
    Annotation,
    CutOut,
    read_annotation,
    read_cutouts,
)
from engines.evaluate.benchmarks.msrvtt_personalization.background import (
    Inpainter,
    build_inpaint_mask,
)
from engines.evaluate.benchmarks.msrvtt_personalization.folder import BenchmarkClip
from engines.video.frames import DecodeError
from engines.video.guard.guard import Guard
from engines.video.guard.protocol import Header
from engines.worker import WorkerSetup


@dataclass(frozen=True, slots=True)
class PrepareResult:
    """The result of one clip: whether it is new, and whether it has a background."""

    new: bool
    background: bool


@dataclass(frozen=True, slots=True)
class PreparePaths:
    """The folders of annotations and videos, of unfinished clips, and of finished ones."""

    annotations: str
    videos: str
    drafts: str
    clips: str


class Preparer:
    """Cuts, resizes and encodes clips in killable child processes, and writes their cut-outs here.

    With `inpaint`, the folder of a pipeline, it also paints backgrounds, and adds them to finished
    clips that have none.
    """

    def __init__(
        self, paths: PreparePaths, setup: WorkerSetup, inpaint: str | None = None, seed: int = 0
    ) -> None:
        self.paths, self.setup, self.needs = paths, setup, setup.needs
        self._inpainter = Inpainter(inpaint, seed) if inpaint else None

    def load(self) -> None:
        # Only child processes open videos, under a deadline: a broken one may crash or hang.
        self._guard = Guard.for_worker(self.setup)
        if self._inpainter:
            self._inpainter.load()

    def run(self, batch: Sequence[BenchmarkClip]) -> Iterator[Outcome[PrepareResult]]:
        """Yields one outcome per clip; clips that exist are checked and not made again."""
        pending: dict[str, tuple[Annotation, list[CutOut]]] = {}
        for clip in batch:
            try:
                about = read_annotation(Path(self.paths.annotations), clip.id)
                if self._clip_folder(about).exists():
                    yield Done(clip.id, self._reuse_clip(about))
                else:
                    # Masks are read first: they may be invalid, and encoding takes longest.
                    pending[clip.id] = about, read_cutouts(Path(self.paths.annotations), about)
            except DecodeError as fault:
                yield _to_failure(clip.id, fault)
        jobs = ((id, self._build_job(about)) for id, (about, _) in pending.items())
        for outcome in self._guard.run_module(cutting.__name__, jobs):
            if isinstance(outcome, Failed):
                yield outcome
                continue
            try:
                yield self._finish_clip(*pending[outcome.id])
            except DecodeError as fault:
                yield _to_failure(outcome.id, fault)

    def close(self) -> None:
        self._guard.close()

    def _build_job(self, about: Annotation) -> Header:
        """Creates the draft folder and describes the job for a child process."""
        video = Path(self.paths.videos) / about.video
        draft = self._draft_folder(about)
        shutil.rmtree(draft, ignore_errors=True)  # left by a worker that died
        draft.mkdir(parents=True)
        wide, high = about.size
        cut = {"start": about.start, "end": about.end, "width": wide, "height": high}
        return {"video": str(video.absolute()), "folder": str(draft.absolute()), "cut": cut}

    def _finish_clip(self, about: Annotation, cutouts: list[CutOut]) -> Outcome[PrepareResult]:
        """Writes the clip's other files, then moves the folder to its final place."""
        draft = self._draft_folder(about)
        with translate_disk_errors(self.paths.clips):
            folder.write_texts(draft, about.caption, about.tags)
            for each in cutouts:
                _write_cutout(draft, each)
            if self._inpainter:
                self._inpainter.paint(draft, build_inpaint_mask(cutouts, about.size))
            # Last: a folder in its final place is complete.
            draft.rename(self._clip_folder(about))
        return Done(about.clip, PrepareResult(True, self._inpainter is not None))

    def _reuse_clip(self, about: Annotation) -> PrepareResult:
        """Checks an existing clip's texts, and paints its background if that is missing."""
        path = self._clip_folder(about)
        try:
            texts = folder.read_caption(path), folder.read_tags(path)
        except DecodeError:
            texts = None
        # It may be the user's own folder: never overwritten.
        if texts != (about.caption, about.tags):
            detail = f"{path} was made from other annotations: move it away"
            raise DecodeError("rejected", detail)
        if self._inpainter and not (path / folder.BACKGROUND).exists():
            cutouts = read_cutouts(Path(self.paths.annotations), about)
            self._inpainter.paint(path, build_inpaint_mask(cutouts, about.size))
        return PrepareResult(False, (path / folder.BACKGROUND).exists())

    def _clip_folder(self, about: Annotation) -> Path:
        return Path(self.paths.clips) / about.clip

    def _draft_folder(self, about: Annotation) -> Path:
        return Path(self.paths.drafts) / about.clip


def _write_cutout(draft: Path, cutout: CutOut) -> None:
    """Writes the frame within the box as a PNG, transparent outside the mask."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    left, top, right, bottom = cutout.box
    crop = np.asarray(Image.open(draft / cutout.frame).convert("RGBA"))[top:bottom, left:right]
    # Colours stay under the mask too, as published: face embeddings read the whole box.
    pixels = np.dstack([crop[..., :3], crop[..., 3] * cutout.mask])
    about = PngInfo()
    about.add_text(
        folder.BEYOND, " ".join(map(str, cutout.beyond))
    )  # the picture ends at the frame
    Image.fromarray(pixels).save(draft / cutout.file, pnginfo=about if any(cutout.beyond) else None)


def _to_failure(clip: str, fault: DecodeError) -> Failed:
    return Failed(clip, fault.reason, str(fault))  # type: ignore[arg-type]
