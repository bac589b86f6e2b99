"""Adaptive sampling: a still video needs few frames, a moving one more, and none is lost."""

import numpy as np
import pytest

from data.outcome import Done, Failed
from data.records import Video
from data.specs.pipeline import EmbedSpec, fingerprint
from engines.embed.adaptive import embed_adaptively
from engines.embed.engine import EmbedSetup, VideoEmbedder
from engines.embed.frame_packer import FrameVectors
from engines.video.sampling import select_middles

ADAPTIVE = EmbedSpec(engine="fake", every_nth=None, adaptive=0.001)
VIDEOS = [Video("still", "", ""), Video("moving", "", ""), Video("broken", "", "")]


def vectors(video: Video, parts: int, count: int = 400) -> FrameVectors:
    frame = select_middles(count, parts)
    turn = np.zeros(len(frame)) if video.id == "still" else 2.5 * frame / count
    turn = turn + (0.2 * np.sin(frame) if video.id == "moving" else 0)
    vector = np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float16)
    return FrameVectors(frame, frame / 25, vector, 1.0, 2.0, 3.0)


def embed(epsilon: float, most: int | None = None) -> dict[str, object]:
    def embed_parts(videos: list[Video], parts: int):
        for video in videos:
            bad = video.id == "broken" and parts == 4
            failed = Failed(video.id, "undecodable", "-")
            yield failed if bad else Done(video.id, vectors(video, parts))

    outcomes = list(embed_adaptively(VIDEOS, epsilon, embed_parts, most))
    assert sorted(outcome.id for outcome in outcomes) == ["broken", "moving", "still"]
    return {outcome.id: getattr(outcome, "value", None) for outcome in outcomes}


def test_frames_are_added_until_the_mean_stands_still() -> None:
    loose, strict = embed(1e-3), embed(1e-7)
    assert loose["broken"] is None
    assert len(loose["still"].frame) == 6 < len(strict["moving"].frame)
    assert len(loose["moving"].frame) <= len(strict["moving"].frame)
    frame = strict["moving"].frame
    assert (np.diff(frame) > 0).all()
    assert strict["moving"].read_s == strict["moving"].decode_s / 2 > 1
    assert len(embed(1e-7, most=10)["moving"].frame) <= 10


def test_a_short_video_ends_with_all_of_its_frames() -> None:
    few = lambda videos, parts: [Done(v.id, vectors(v, parts, 5)) for v in videos]  # noqa: E731
    (outcome,) = embed_adaptively(VIDEOS[1:2], 1e-12, few)
    assert outcome.value.frame.tolist() == [0, 1, 2, 3, 4]


def test_the_engine_embeds_in_rounds_and_says_so_in_its_spec() -> None:
    embedder = VideoEmbedder(ADAPTIVE, EmbedSetup())
    embedder.load()
    try:
        done = list(embedder.run([Video("a", "fake://a?frames=60", "")]))
    finally:
        embedder.close()
    assert len(done[0].value.frame) in (6, 14, 30, 60)
    with pytest.raises(ValueError):
        EmbedSpec(keyframes=True)  # beside every_nth
    prints = {fingerprint(EmbedSpec(every_nth=None, **how), "1") for how in
              ({"fps": 1}, {"keyframes": True}, {"adaptive": 0.1}, {"adaptive": 0.2})}  # fmt: skip
    assert len(prints) == 4
