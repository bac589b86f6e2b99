"""The dedup stage's engine: a content and those near it in, the pairs of near-duplicates out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.batches import group_by_weight
from data.outcome import Done, Failed, Outcome
from data.specs.dedup import DedupSpec
from data.store.storage import Store
from engines.dedup.alignment import Alignment, Frames, align_frames
from engines.dedup.frames import Fault, Place, read_places
from engines.worker import WorkerSetup

VERSION = "2"
PAIRS = 256  # confirmed together: bounds the frames in memory

Read = Mapping[Place, Frames | Fault]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A content that may be a near-duplicate, by the cosine of pooled vectors.

    `place` is where its frames lie; None where there are none.
    """

    content: str
    similarity: float
    place: Place | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A content to compare with its candidates, frame by frame."""

    content: str
    place: Place | None
    candidates: tuple[Candidate, ...]

    @property
    def id(self) -> str:
        """The content: each is listed once."""
        return self.content


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contents that are near-duplicates, `one` the lower; `similarity` is that of pooled
    vectors, and the alignment that of their frames."""

    one: str
    other: str
    similarity: float
    alignment: Alignment


class CopyFinder:
    """Confirms candidates on frame vectors in time order; `folder` is the embed stage's."""

    def __init__(self, store: Store, folder: str, spec: DedupSpec, setup: WorkerSetup) -> None:
        self.store, self.folder, self.spec, self.needs = store, folder, spec, setup.needs

    def load(self) -> None:
        """Nothing to load."""

    def run(self, batch: Sequence[Comparison]) -> Iterator[Outcome[list[Pair]]]:
        """The pairs of each content, in order.

        A content fails as "missing" where it has no frames, and where those of a candidate cannot
        be read, with the reason of that: the next run compares it once they are there.
        """
        for some in group_by_weight(batch, PAIRS, lambda item: len(item.candidates)):
            read = read_places(self.store, self.folder, _list_places(some))
            yield from (self._compare(item, read) for item in some)

    def close(self) -> None:
        """Nothing to close."""

    def _compare(self, item: Comparison, read: Read) -> Outcome[list[Pair]]:
        if item.place is None:
            return Failed(item.id, "missing", "it has no frame vectors")
        pairs = []
        for each in item.candidates:
            if each.place is None:
                continue  # its own row says so
            one, other = read[item.place], read[each.place]
            for name, frames in ((item.content, one), (each.content, other)):
                if isinstance(frames, Fault):
                    return Failed(item.id, frames.reason, f"frames of {name}: {frames.detail}")
            assert not isinstance(one, Fault) and not isinstance(other, Fault)
            first, second = (one, other) if item.content <= each.content else (other, one)
            # In the order of contents: the result must not depend on which is compared first.
            alignment = align_frames(first, second)
            if alignment is not None and alignment.score >= self.spec.threshold:
                names = sorted((item.content, each.content))
                pairs.append(Pair(names[0], names[1], each.similarity, alignment))
        return Done(item.id, pairs)


def _list_places(items: Sequence[Comparison]) -> Iterator[Place]:
    """The places of all contents that are compared with another."""
    for item in items:
        if item.candidates and item.place is not None:
            yield item.place
            yield from (each.place for each in item.candidates if each.place is not None)
