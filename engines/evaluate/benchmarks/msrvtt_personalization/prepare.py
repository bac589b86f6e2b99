"""The benchmark's data from its annotations: a folder a clip, which appears whole or not at all."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.store.storage import disk_faults
from engines.base import Needs
from engines.evaluate.benchmarks.msrvtt_personalization import cutting, folder
from engines.evaluate.benchmarks.msrvtt_personalization.annotations import (
    Annotation,
    CutOut,
    annotation,
    cutouts,
)
from engines.evaluate.benchmarks.msrvtt_personalization.background import Inpainter, hidden
from engines.video.frames import DecodeError
from engines.video.guard.guard import Guard
from engines.video.guard.protocol import Header


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clip that is to be prepared."""

    id: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What came of a clip: whether it was made now, and whether it has a background."""

    new: bool
    background: bool


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of annotations and of videos, where clips are made, and where they end."""

    annotations: str
    videos: str
    drafts: str
    made: str


@dataclass(frozen=True, slots=True)
class PrepareWork:
    """How a worker is set up: speed only."""

    cutters: int = 1
    deadline_s: float = 60.0
    memory_gb: float = 4.0
    needs: Needs = field(default_factory=Needs)


class Preparer:
    """Clips cut, resized and encoded in killable children; cut-outs and backgrounds made here.

    Videos are read by children alone, with a deadline: nobody knows what is in them. With
    `inpaint`, the folder of a pipeline, a clip that lacks nothing but its background gets it.
    """

    def __init__(
        self, places: Places, work: PrepareWork, inpaint: str | None = None, seed: int = 0
    ) -> None:
        self.places, self.work, self.needs = places, work, work.needs
        self._inpainter = Inpainter(inpaint, seed) if inpaint else None

    def load(self) -> None:
        self._guard = Guard(self.work.cutters, self.work.deadline_s, self.work.memory_gb)
        if self._inpainter:
            self._inpainter.load()

    def run(self, batch: Sequence[Wanted]) -> Iterator[Outcome[Prepared]]:
        """One outcome a clip; one that is there already is looked at, and not made again."""
        asked: dict[str, tuple[Annotation, list[CutOut]]] = {}
        for wanted in batch:
            try:
                about = annotation(Path(self.places.annotations), wanted.id)
                if self._made(about).exists():
                    yield Done(wanted.id, self._again(about))
                else:
                    asked[wanted.id] = about, cutouts(Path(self.places.annotations), about)
            except DecodeError as fault:
                yield _failed(wanted.id, fault)
        jobs = ((id, self._cut(about)) for id, (about, _) in asked.items())
        for outcome in self._guard.work(cutting.__name__, jobs):
            try:
                yield outcome if isinstance(outcome, Failed) else self._finished(*asked[outcome.id])
            except DecodeError as fault:
                yield _failed(outcome.id, fault)

    def close(self) -> None:
        self._guard.close()

    def _cut(self, about: Annotation) -> Header:
        """What a child is to do, and a new folder to do it in."""
        video = Path(self.places.videos) / about.video
        draft = self._draft(about)
        shutil.rmtree(draft, ignore_errors=True)  # what a worker that died had begun
        draft.mkdir(parents=True)
        wide, high = about.size
        cut = {"start": about.start, "end": about.end, "width": wide, "height": high}
        return {"video": str(video.absolute()), "folder": str(draft.absolute()), "cut": cut}

    def _finished(self, about: Annotation, found: list[CutOut]) -> Outcome[Prepared]:
        """The rest of the clip's files; then its folder takes its place."""
        draft = self._draft(about)
        with disk_faults(self.places.made):
            folder.write_texts(draft, about.caption, about.tags)
            for each in found:
                _write_cutout(draft, each)
            if self._inpainter:
                self._inpainter.paint(draft, hidden(found, about.size))
            draft.rename(self._made(about))
        return Done(about.clip, Prepared(True, self._inpainter is not None))

    def _again(self, about: Annotation) -> Prepared:
        """A clip that is there, with its background where it lacked one."""
        made = self._made(about)
        try:
            same = (folder.caption(made), folder.read_tags(made)) == (about.caption, about.tags)
        except DecodeError:
            same = False
        if not same:
            raise DecodeError("rejected", f"{made} was made of something else: move it away")
        if self._inpainter and not (made / folder.BACKGROUND).exists():
            found = cutouts(Path(self.places.annotations), about)
            self._inpainter.paint(made, hidden(found, about.size))
        return Prepared(False, (made / folder.BACKGROUND).exists())

    def _made(self, about: Annotation) -> Path:
        return Path(self.places.made) / about.clip

    def _draft(self, about: Annotation) -> Path:
        return Path(self.places.drafts) / about.clip


def _write_cutout(draft: Path, each: CutOut) -> None:
    """The frame within the box, transparent where the mask is not."""
    from PIL import Image

    left, top, right, bottom = each.box
    seen = np.asarray(Image.open(draft / each.frame).convert("RGBA"))[top:bottom, left:right]
    seen = np.dstack([seen[..., :3], seen[..., 3] * each.mask])
    Image.fromarray(seen).save(draft / each.file)


def _failed(clip: str, fault: DecodeError) -> Failed:
    return Failed(clip, fault.reason, str(fault))  # type: ignore[arg-type]
