import threading

import numpy as np
import pytest

from data.outcome import Done, Failed
from data.records import Video
from data.specs.pipeline import EmbedSpec
from engines.embed.engine import EmbedSetup, VideoEmbedder
from engines.embed.models import fake

EVERY = EmbedSpec(engine="fake", every_nth=1)


class Spy(fake.Embedder):
    """The fake model, which keeps the size of each batch."""

    def __init__(self, spec):
        super().__init__(spec)
        self.sizes, self.inside, self.most = [], 0, 0
        self.counting = threading.Lock()

    def embed_images(self, pixels):
        with self.counting:
            self.sizes.append(len(pixels))
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            return super().embed_images(pixels)
        finally:
            with self.counting:
                self.inside -= 1


@pytest.fixture
def embedder():
    """Makes embedders whose model is a spy; they end with the test."""
    made = []

    def make(**work):
        found = VideoEmbedder(EVERY, EmbedSetup(**({"frames_per_batch": 8, "decoders": 2} | work)))
        found.model = Spy(EVERY)
        found.load()
        made.append(found)
        return found

    yield make
    for one in made:
        one.close()


def video(id, query="frames=5"):
    return Video(id, f"fake://{id}?{query}", id)


def vectors(outcomes):
    return {o.id: o.value.vector for o in outcomes if isinstance(o, Done)}


def test_batches_span_videos(embedder):
    one = embedder()
    found = list(one.run([video(f"{k}") for k in range(7)]))
    assert one.model.sizes == [8, 8, 8, 8, 3]
    assert [o.id for o in found] == [f"{k}" for k in range(7)]
    assert all(o.value.frame.tolist() == [0, 1, 2, 3, 4] for o in found)


def test_a_video_longer_than_many_batches_keeps_its_order(embedder):
    (found,) = embedder().run([video("long", "frames=100")])
    assert found.value.frame.tolist() == list(range(100))
    assert np.allclose(found.value.seconds, np.arange(100) / 25)
    assert found.value.vector.shape == (100, fake.DIM)


def test_alone_or_among_others_a_video_has_the_same_vectors(embedder):
    one, many = embedder(), [video(f"{k}", f"frames={3 + k}") for k in range(9)]
    together = vectors(one.run(many))
    for each in many:
        alone = vectors(one.run([each]))[each.id]
        assert np.array_equal(alone, together[each.id])


@pytest.mark.parametrize("fault", ["undecodable", "exit", "undecodable&at=2", "exit&at=4"])
def test_a_video_that_fails_does_not_disturb_the_others(embedder, fault):
    one = embedder()
    good = [video(f"{k}") for k in range(6)]
    bad = video("bad", f"frames=5&fault={fault}")
    found = list(one.run([*good[:3], bad, *good[3:]]))
    assert [o.id for o in found] == ["0", "1", "2", "bad", "3", "4", "5"]
    assert isinstance(found[3], Failed)
    expected = vectors(one.run(good))
    for id, vector in vectors(found).items():
        assert np.array_equal(vector, expected[id])


def test_no_videos_no_outcomes(embedder):
    assert list(embedder().run([])) == []


def test_a_video_without_frames_is_empty(embedder):
    empty, good = embedder().run([video("empty", "frames=0"), video("good")])
    assert (empty.id, empty.reason) == ("empty", "empty")
    assert isinstance(good, Done)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e30])
def test_a_vector_that_is_not_finite_is_rejected(embedder, wrong):
    one = embedder()
    right = one.model.embed_images

    def broken(pixels):
        made = right(pixels)
        made[0, 3] = wrong  # 1e30 is finite, but not in the float16 that is stored
        return made

    one.model.embed_images = broken
    with np.errstate(over="ignore"):
        first, second = one.run([video("a", "frames=8"), video("b", "frames=0")])
    assert (first.reason, second.reason) == ("rejected", "empty")
    assert "finite" in first.detail


def test_model_seconds_go_to_the_videos_they_were_spent_on(embedder):
    found = list(embedder().run([video("short", "frames=2"), video("long", "frames=14")]))
    assert all(o.value.model_s > 0 for o in found)


@pytest.mark.parametrize(("batches", "most"), [(1, 1), (2, 2)])
def test_two_threads_share_decoders_and_model(embedder, batches, most):
    one = embedder(concurrent_batches=batches)
    halves = [[video(f"{half}-{k}") for k in range(20)] for half in "ab"]
    expected = vectors(one.run([v for half in halves for v in half]))
    found: dict = {}
    threads = [threading.Thread(target=lambda h=h: found.update({h[0].id: list(one.run(h))}))
               for h in halves]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = {o.id: o.value.vector for outcomes in found.values() for o in outcomes}
    assert made.keys() == expected.keys()
    assert all(np.array_equal(made[id], expected[id]) for id in made)
    assert one.model.most <= most


def test_a_batch_that_does_not_fit_is_halved_and_nothing_changes(embedder):
    one, many = embedder(), [video(f"{k}") for k in range(4)]
    expected = vectors(one.run(many))
    right = one.model.embed_images

    def small(pixels):
        if len(pixels) > 3:
            raise MemoryError
        return right(pixels)

    one.model.embed_images = small
    found = vectors(one.run(many))
    assert all(np.array_equal(found[id], expected[id]) for id in expected)
    assert max(one.model.sizes[-4:]) <= 3
