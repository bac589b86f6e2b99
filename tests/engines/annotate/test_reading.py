"""A reader that fails on one video costs the others of its shard nothing."""

import pytest

from data.errors import UserError
from data.outcome import Done, Failed
from data.records import Video
from data.store.texts import Annotation, Text
from engines.annotate.reading import ReadError, read_each
from engines.video.guard.guard import DecodeStats

STATS = DecodeStats(1, 0.0, 0.0, 1.0)


class Reader:
    """Takes numbers; raises at those that are errors."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def add(self, part) -> None:
        if isinstance(part, Exception):
            raise part
        self.taken.append(part)

    def finish(self) -> Annotation:
        if self.taken == [9]:
            raise IndexError("nothing to join")
        return Annotation((Text(0.0, 1.0, str(self.taken)),))


def events(**videos):
    for name, parts in videos.items():
        yield from ((Video(name, name, name), part) for part in parts)
        yield Done(name, STATS)


def test_each_video_has_its_own_outcome_whatever_a_reader_raises() -> None:
    stream = events(
        a=[1], b=[1, ValueError("bad picture"), 2], c=[9], d=[MemoryError()],
        e=[ReadError("rejected", "no reply")], f=[2],
    )  # fmt: skip
    outcomes = {each.id: each for each in read_each(stream, Reader)}
    reasons = {id: each.reason for id, each in outcomes.items() if isinstance(each, Failed)}
    assert reasons == {"b": "crashed", "c": "crashed", "d": "out_of_memory", "e": "rejected"}
    assert "bad picture" in outcomes["b"].detail and "ValueError" in outcomes["b"].detail
    assert [outcomes[id].value.texts[0].text for id in "af"] == ["[1]", "[2]"]


def test_what_a_person_has_to_mend_still_ends_the_run() -> None:
    with pytest.raises(UserError):
        list(read_each(events(a=[UserError("no server")]), Reader))
