import threading

import numpy as np
import pytest

from data.errors import UserError
from data.outcome import Done, Failed
from data.records import Request, Source
from data.specs.pipeline import EmbedSpec, GenerateSpec, RagSpec, RetrieveSpec
from engines.generate.engine import GenerateSetup, VideoGenerator
from engines.generate.generators import fake

SPEC = GenerateSpec(engine="fake", width=32, height=16, frames=3, fps=4, retrieve=RetrieveSpec(k=2))


def source(rank: int, query: str = "frames=60", score: float = 0.5) -> Source:
    return Source(rank, f"v{rank}", f"content{rank}", score, f"fake://v{rank}?{query}", None, 2.4)


def request(id: str, prompt: str = "a red circle", sources: tuple = ()) -> Request:
    return Request(id, id, prompt, 0, 7, sources)


class Spy(fake.Generator):
    """The fake generator, which notes each batch's size and that there is one at a time."""

    def __init__(self, spec):
        super().__init__(spec)
        self.sizes, self.inside = [], threading.Lock()

    def generate(self, requests, clips):
        assert self.inside.acquire(blocking=False), "two batches at once"
        try:
            self.sizes.append(len(requests))
            return super().generate(requests, clips)
        finally:
            self.inside.release()


@pytest.fixture
def engine(monkeypatch):
    """Makes engines whose generator is a spy; they end with the test."""
    monkeypatch.setattr(fake, "Generator", Spy)
    made = []

    def make(spec=SPEC, **work):
        made.append(VideoGenerator(spec, EmbedSpec(engine="fake"), GenerateSetup(**work)))
        made[-1].load()
        return made[-1]

    yield make
    for each in made:
        each.close()


def shape(video: bytes) -> tuple:
    import io

    import av

    with av.open(io.BytesIO(video)) as file:
        stream = file.streams.video[0]
        return stream.width, stream.height, sum(1 for _ in file.decode(stream)), stream.average_rate


def test_a_video_has_the_size_frames_and_rate_asked_for(engine) -> None:
    (done,) = engine().run([request("a")])
    assert shape(done.value.video) == (32, 16, 3, 4)
    assert (done.value.frames, done.value.width, done.value.height) == (3, 32, 16)
    assert done.value.used == ()


def test_a_video_does_not_depend_on_the_batch_it_is_made_in(engine) -> None:
    asked = [request(str(n), f"prompt {n}", (source(1), source(2))) for n in range(5)]
    alone = [outcome.value.video for one in asked for outcome in engine().run([one])]
    several = engine(batch=4)
    assert [outcome.value.video for outcome in several.run(asked)] == alone
    assert several.model.sizes == [4, 1]
    assert len(set(alone)) == 5


def test_what_a_video_owes_to_its_clips_is_said(engine) -> None:
    spec = SPEC.model_copy(update={"rag": RagSpec(weights="score")})
    clips = (source(1, score=0.6), source(2, score=0.2))
    (done,) = engine(spec).run([request("a", sources=clips)])
    assert [used.source for used in done.value.used] == list(clips)
    assert [used.weight for used in done.value.used] == pytest.approx([0.75, 0.25])
    assert all(0 <= used.start_s <= 1.65 for used in done.value.used)


def test_clips_show_in_the_video(engine) -> None:
    with_clip, without = engine().run([request("a", sources=(source(1),)), request("b")])
    assert with_clip.value.video != without.value.video


def test_a_clip_that_cannot_be_read_is_left_out_and_said(engine) -> None:
    broken = source(1, "fault=undecodable")
    (done,) = engine().run([request("a", sources=(broken, source(2)))])
    assert [used.source.video_id for used in done.value.used] == ["v2"]
    assert [left.video_id for left in done.value.left_out] == ["v1"]
    assert "undecodable" in done.value.left_out[0].detail


def test_a_prompt_that_is_too_long_fails_alone_and_says_how_long(engine) -> None:
    long, good = engine().run([request("a", "word " * 80), request("b")])
    assert isinstance(long, Failed) and (long.id, long.reason) == ("a", "too_long")
    assert "80 tokens" in long.detail
    assert isinstance(good, Done)


def test_what_does_not_fit_is_made_in_halves_and_the_size_is_remembered(engine) -> None:
    several = engine(batch=8)
    asked = [request(str(n), f"fits=2 {n}") for n in range(8)]
    assert all(isinstance(outcome, Done) for outcome in several.run(asked))
    assert several.model.sizes == [8, 4, 2, 2, 2, 2]
    list(several.run(asked[:4]))
    assert several.model.sizes[6:] == [2, 2]


def test_too_little_memory_for_one_says_what_to_do(engine) -> None:
    with pytest.raises(UserError, match="REELFLOW_OFFLOAD"):
        list(engine().run([request("a", "fits=0")]))


def test_two_threads_share_the_model_one_at_a_time(engine) -> None:
    several, found = engine(batch=2), []

    def work(n: int) -> None:
        asked = [request(f"{n}-{i}", f"seconds=0.01 {i}", (source(1),)) for i in range(4)]
        found.extend(several.run(asked))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8


def test_the_fake_follows_the_prompt_the_seed_and_the_clips() -> None:
    model = fake.Generator(SPEC)
    one = model.generate([request("a")], [()])
    assert one.shape == (1, 3, 16, 32, 3) and one.dtype == np.uint8
    assert (one == model.generate([request("b")], [()])).all()
    other = Request("a", "a", "a red circle", 0, 8)
    assert (one != model.generate([other], [()])).any()


def test_a_video_whose_clips_do_not_come_is_not_made_without_them(engine, monkeypatch) -> None:
    def decode(guard: object, windows: dict, form: object) -> dict:
        return {key: Failed(key, "unreachable", "HTTP 503") for key in windows}

    monkeypatch.setattr("engines.generate.clips.decode_windows", decode)
    requests = [request("a", "x", (source(1), source(2))), request("b", "y")]
    made = {outcome.id: outcome for outcome in engine().run(requests)}
    assert (made["a"].reason, isinstance(made["b"], Done)) == ("unreachable", True)
    assert "HTTP 503" in made["a"].detail
