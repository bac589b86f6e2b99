"""The dedup stage's engine: a content and those near it in, the pairs of near-duplicates out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from data.batches import group_by_weight
from data.outcome import Done, Failed, Outcome
from data.specs.dedup import DedupSpec
from data.store.storage import Store
from engines.dedup.alignment import Frames, align_frames
from engines.dedup.comparison import Comparison, Pair
from engines.dedup.frames import Fault, Place, read_places
from engines.dedup.pictures import correlate_pairs
from engines.video.guard.guard import Guard
from engines.worker import WorkerSetup

VERSION = "2"
PAIRS = 256  # confirmed together: bounds the frames in memory

Read = Mapping[Place, Frames | Fault]


class CopyFinder:
    """Confirms candidates on frame vectors in time order; `folder` is the embed stage's.

    Where the spec asks for pictures, those of the pairs that are left are compared too.
    """

    def __init__(self, store: Store, folder: str, spec: DedupSpec, setup: WorkerSetup) -> None:
        self.store, self.folder, self.spec, self.setup = store, folder, spec, setup
        self.needs = setup.needs

    def load(self) -> None:
        """Prepares to decode; decoder processes start where pictures are first looked at."""
        self.guard = Guard.for_worker(self.setup)

    def run(self, batch: Sequence[Comparison]) -> Iterator[Outcome[list[Pair]]]:
        """The pairs of each content, in order.

        A content fails as "missing" where it has no frames, and where those of a candidate cannot
        be read, with the reason of that: the next run compares it once they are there. So it does
        where the file of one cannot be read for its pictures.
        """
        for some in group_by_weight(batch, PAIRS, lambda item: len(item.candidates)):
            read = read_places(self.store, self.folder, _list_places(some))
            found = [self._compare(item, read) for item in some]
            yield from found if self.spec.pictures is None else self._look(some, found)

    def close(self) -> None:
        """Ends the decoder processes."""
        self.guard.close()

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
            # In the order of contents: the result must not depend on which is compared first.
            first, second = (one, other) if item.content <= each.content else (other, one)
            alignment = align_frames(first, second)
            if alignment is not None and alignment.score >= self.spec.threshold:
                names = sorted((item.content, each.content))
                pairs.append(Pair(names[0], names[1], each.similarity, alignment))
        return Done(item.id, pairs)

    def _look(
        self, items: Sequence[Comparison], found: Sequence[Outcome[list[Pair]]]
    ) -> Iterator[Outcome[list[Pair]]]:
        """The same outcomes, of the pairs those alone whose pictures are alike."""
        videos = {each.content: each.place.video for item in items
                  for each in item.members if each.place is not None}  # fmt: skip
        pairs = [pair for each in found if isinstance(each, Done) for pair in each.value]
        seen = iter(correlate_pairs(self.guard, pairs, videos))
        for each in found:
            if not isinstance(each, Done):
                yield each
                continue
            looked = [(pair, next(seen)) for pair in each.value]
            faults = [fault for _, fault in looked if isinstance(fault, Fault)]
            if faults:
                yield Failed(each.id, faults[0].reason, faults[0].detail)
            else:
                alike = [
                    replace(pair, pictures=value)
                    for pair, value in looked
                    if isinstance(value, float) and value >= (self.spec.pictures or 0)
                ]
                yield Done(each.id, alike)


def _list_places(items: Sequence[Comparison]) -> Iterator[Place]:
    """The places of all contents that are compared with another."""
    for item in items:
        if item.candidates and item.place is not None:
            yield item.place
            yield from (each.place for each in item.candidates if each.place is not None)
