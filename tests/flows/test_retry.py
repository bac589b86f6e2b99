from pathlib import Path

import pytest
from support.corpora import FAKE, counts, reasons, table, videos

from engines.video.decoders import pyav
from flows.embed import embed
from flows.ingest import ingest
from flows.maintain import maintain
from flows.retry import list_retries, retry

pytestmark = pytest.mark.usefixtures("plain_flows")
FAULTS = "fake://8?undecodable=1&empty=2"


@pytest.fixture
def refused(workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three videos of eight that version 1 refused, where there is version 2 now."""
    monkeypatch.setattr(pyav, "library_version", lambda: "av 1")
    ingest(FAULTS, "c")
    embed("c", FAKE)
    monkeypatch.setattr(pyav, "library_version", lambda: "av 2")


def test_what_would_be_tried_again_is_counted_by_what_refused_it(workspace, refused) -> None:
    every = [
        {"stage": "embed", "reason": "empty", "decoder": "av 1", "videos": 2},
        {"stage": "embed", "reason": "undecodable", "decoder": "av 1", "videos": 1},
    ]
    assert list_retries("c", None, None, outdated=True) == every
    assert list_retries("c", ["undecodable"], "av 1", outdated=False) == every[1:]
    assert list_retries("c", None, "av 2", outdated=False) == []


@pytest.mark.usefixtures("prefect_backend")
def test_only_what_another_version_refused_is_tried_again_and_once(workspace, refused) -> None:
    assert retry("c", ["undecodable"], "av 2") == {}
    assert retry("c", ["undecodable"], outdated=True)["embed"]["failed"] == {"undecodable": 1}
    assert list_retries("c", ["undecodable"], None, outdated=True) == []
    assert _attempts(workspace) == [("av 1", "empty", 1)] * 2 + [("av 2", "undecodable", 2)]


def test_a_video_that_the_probe_of_another_version_refused_is_probed_again(
    workspace, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"videoID": n, "videoLoc": f"clip-{n}.mp4", "txt": "x"} for n in "01"]
    (clips / "clip-0.mp4").write_bytes(b"no video")
    monkeypatch.setattr(pyav, "library_version", lambda: "av 1")
    ingest(table(clips, rows), "c")
    monkeypatch.setattr(pyav, "library_version", lambda: "av 2")
    [row] = list_retries("c", None, None, outdated=True)
    assert (row["stage"], row["decoder"], row["videos"]) == ("ingest", "av 1", 1)
    retry("c", outdated=True)
    assert list_retries("c", None, None, outdated=True) == [], "refused by this version too"
    assert reasons(workspace, "c") == {"0": "undecodable"}
    (clips / "clip-0.mp4").write_bytes((clips / "clip-1.mp4").read_bytes())
    retry("c", decoder="av 2")
    assert videos(workspace, "c", "ingest") == counts(2, 2)


def test_maintaining_counts_what_is_outdated_and_requeues_it_where_asked(
    workspace, refused
) -> None:
    said = maintain("c", sample=0, canary=False)
    assert (said["outdated"], said["requeued"]) == (3, False)
    assert maintain("c", sample=0, canary=False, requeue=True)["requeued"]
    assert maintain("c", sample=0, canary=False)["outdated"] == 0
    assert {attempt for _, _, attempt in _attempts(workspace)} == {2}


def test_the_command_says_how_many_before_it_tries(reelflow, workspace, refused) -> None:
    code, said, _ = reelflow("retry", "c", "--outdated", "--count")
    assert code == 0
    assert "undecodable" in said
    assert "av 1" in said
    assert {attempt for _, _, attempt in _attempts(workspace)} == {1}
    assert "nothing to try again in c" in reelflow("retry", "c", "--decoder", "av 3")[1]


def _attempts(workspace) -> list[tuple]:
    with workspace.open_catalog() as catalog:
        rows = "SELECT decoder, reason, attempt FROM latest WHERE reason IS NOT NULL"
        return sorted(catalog.execute(rows))
