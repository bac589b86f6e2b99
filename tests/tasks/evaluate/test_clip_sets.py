import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import generated, golden
from support.corpora import table

from data.runs.distances import ClipSet
from data.specs.distance import ClipSpec, DistanceSpec
from data.workspace import Workspace
from engines.runners.in_process import InProcessRunner
from flows.ingest import ingest
from tasks.evaluate import clip_sets
from tasks.evaluate.clip_sets import list_videos

RUNNER = InProcessRunner()
SPEC = DistanceSpec(clip=ClipSpec(extractor="pixel_stats", frames=8))


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    yield
    RUNNER.close()


def choose(workspace: Workspace, source: str, asked: DistanceSpec, side: str) -> ClipSet:
    return clip_sets.choose_clips(workspace, RUNNER, source, asked, side)


def spec(**asked) -> DistanceSpec:
    return SPEC.model_copy(update=asked)


def drawn(workspace: Workspace, source: str, asked: DistanceSpec) -> list[str]:
    return [clip.name for clip in choose(workspace, source, asked, "real").clips]


def test_a_subset_is_drawn_by_the_seed_and_not_from_the_front(workspace: Workspace) -> None:
    most = drawn(workspace, "fake://40", spec(n_real=9))
    assert most[:6] == drawn(workspace, "fake://40", spec(n_real=6)) and len(set(most)) == 9
    assert sorted(most) != [f"fake-{n:06d}" for n in range(9)]
    assert set(most[:6]) != set(drawn(workspace, "fake://40", spec(n_real=6, seed=1)))


def test_the_order_of_the_source_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    rows = [{"videoID": f"v{n}", "videoLoc": f"fake://{n}"} for n in range(12)]
    forth, back = table(tmp_path / "a", rows), table(tmp_path / "b", rows[::-1])
    assert drawn(workspace, forth, spec(n_real=5)) == drawn(workspace, back, spec(n_real=5))


def test_each_side_has_its_own_number_and_window(workspace: Workspace) -> None:
    asked = spec(n_real=4, n_generated=5, real_window="random")
    real, made = (choose(workspace, "fake://9?frames=50", asked, s) for s in ("real", "generated"))
    assert (len(real.clips), len(made.clips)) == (4, 5) and real.available == 9
    assert {clip.start for clip in made.clips} == {0}
    starts = [clip.start for clip in real.clips]
    assert len(set(starts)) > 1 and all(0 <= start <= 42 for start in starts)


def test_a_random_window_follows_from_the_bytes_and_the_seed(workspace: Workspace) -> None:
    asked = spec(real_window="random")

    def starts(source: str, seed: int = 0) -> dict[str, int]:
        chosen = choose(workspace, source, asked.model_copy(update={"seed": seed}), "real")
        return {clip.name: clip.start for clip in chosen.clips}

    nine = starts("fake://9?frames=50")
    assert starts("fake://5?frames=50").items() <= nine.items()
    assert starts("fake://9?frames=50", seed=1) != nine


def test_short_videos_are_passed_over_for_others(workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        {"videoID": f"v{n}", "videoLoc": f"fake://{n}?frames={5 if n % 2 else 20}"}
        for n in range(12)
    ]
    found = choose(workspace, table(tmp_path, rows), spec(n_real=6), "real")
    assert {clip.name for clip in found.clips} == {f"v{n}" for n in range(0, 12, 2)}
    assert {failed.reason for failed in found.failed} == {"rejected"}
    assert found.failed[0].detail.startswith("5 frames")


def test_what_cannot_be_read_has_a_reason(workspace: Workspace, tmp_path: Path) -> None:
    golden.clip(tmp_path / "v" / "good.mp4", frames=12)
    golden.html(tmp_path / "v" / "page.mp4")
    names = ("good", "page", "gone")
    rows = [{"videoID": name, "videoLoc": f"v/{name}.mp4"} for name in names]
    rows.append({"videoID": "nowhere", "videoLoc": None})
    found = choose(workspace, table(tmp_path, rows), SPEC, "real")
    assert [clip.name for clip in found.clips] == ["good"]
    reasons = {failed.id: failed.reason for failed in found.failed}
    assert reasons == {"page": "undecodable", "gone": "missing", "nowhere": "rejected"}


def test_frames_are_not_repeated_to_reach_a_rate(workspace: Workspace) -> None:
    asked = spec(clip=ClipSpec(extractor="pixel_stats", frames=8, fps=16))
    found = choose(workspace, "fake://2?fps=8", asked, "real")
    assert not found.clips and "would repeat" in found.failed[0].detail
    slower = choose(workspace, "fake://2?fps=16", asked, "real")
    assert len(slower.clips) == 2


def test_files_of_one_name_and_two_endings_are_two_videos(
    workspace: Workspace, tmp_path: Path
) -> None:
    for ending in ("mp4", "mkv"):
        golden.clip(tmp_path / "v" / f"a.{ending}", frames=9)
    assert len(choose(workspace, str(tmp_path / "v"), SPEC, "real").clips) == 2


def test_copies_are_clips_of_their_own_with_one_feature(
    workspace: Workspace, tmp_path: Path
) -> None:
    shutil.copy(golden.clip(tmp_path / "v" / "a.mp4", frames=9), tmp_path / "v" / "b.mp4")
    found = choose(workspace, str(tmp_path / "v"), SPEC, "real").clips
    assert [clip.name for clip in found] in (["a", "b"], ["b", "a"])
    assert found[0].id == found[1].id


def test_a_run_and_a_corpus_are_known_by_their_names(
    workspace: Workspace, clips: Path, prefect_backend: None
) -> None:
    ingest(str(clips), "c")
    videos, failed = list_videos(workspace, "c")
    assert [video.id for video in videos] == [f"clip-{n}" for n in range(4)] and not failed
    run = generated.run_in(
        workspace.store, ["one", "two"], sorted(clips.glob("*.mp4")), fails={1: "too odd"}
    )
    videos, failed = list_videos(workspace, run.fingerprint)
    assert [video.id for video in videos] == ["000-0"]
    assert [(f.id, f.reason, f.detail) for f in failed] == [("001-0", "rejected", "too odd")]
    found = choose(workspace, run.fingerprint, SPEC, "generated")
    assert len(found.clips) == 1 and found.clips[0].fps == 4.0
