"""`search --in speech` on real footage: each clip that speaks is found by its words."""

import pytest
from support.paths import NO_CLIPS, REAL_CLIPS

from flows.annotate import annotate
from flows.ingest import ingest
from tasks.retrieve.texts import TextSearcher

VIDEOS = REAL_CLIPS / "corpus" / "videos"
# What is said in them, as a person hears it; the other clips are silent, or only make noises.
SAID = {
    "cat": "we rescued her from the Blue Cross", "face_0": "stop and frisk",
    "face_1": "analytical process used originally", "horse": "the current record holder, a Belgian",
    "telescope": "the Webb space telescope in a clean room",
}  # fmt: skip

pytestmark = [
    pytest.mark.usefixtures("plain_flows"),
    pytest.mark.skipif(not VIDEOS.is_dir(), reason=NO_CLIPS),
]


@pytest.fixture(scope="module")
def corpus(shared_workspace, plain_flows):
    ingest(str(VIDEOS), "real")
    summary = annotate("real", ["speech"])["speech"]
    assert summary["done"] == len(list(VIDEOS.glob("*.mp4")))
    return shared_workspace


@pytest.mark.parametrize("clip", SAID)
def test_each_clip_that_speaks_is_found_first_by_its_words(corpus, clip: str) -> None:
    first = TextSearcher(corpus, "real", ["speech"]).search(SAID[clip], 1)[0]
    assert first.video_id.startswith(clip) and first.kind == "speech"
    assert 0 <= first.start_sec < first.end_sec and first.words > 0


def test_clips_that_say_nothing_are_no_hits(corpus) -> None:
    hits = TextSearcher(corpus, "real", ["speech"]).search("what was said?", 99)
    assert {hit.video_id.removesuffix(".mp4") for hit in hits} == set(SAID)
