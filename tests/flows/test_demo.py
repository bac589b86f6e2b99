"""The demo, small: its figures are measured, and a second run finds everything done."""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data.settings import Settings
from data.specs.pipeline import RetrieveSpec
from data.workspace import open_workspace
from engines.tiny.t2v.prompts import build_prompts as asked_for
from flows.cli.try_it import demo as command
from flows.demo import demo
from flows.retrieve import retrieve
from tasks.demo.demo import CORPUS, Demo, find_differences

# Each combination of attributes is there once: one of five can be right.
VIDEOS, PROMPTS, GENERATED = 216, 6, 2
pytestmark = pytest.mark.timeout(600)  # Prefect starts, and all that is heavy is imported


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder: Path, prefect_backend: None) -> Demo:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELFLOW_ROOT", "")  # set by the demo, taken back here
        patch.setenv("REELFLOW_RUNNER", "in_process")
        patch.setenv("REELFLOW_DECODERS", "1")
        return demo(folder, VIDEOS, PROMPTS, GENERATED)


def receipts(folder: Path) -> dict[str, int]:
    found = (folder / "store").rglob("receipts/*.json")
    return {str(file): os.stat(file).st_mtime_ns for file in found}


def test_the_summary_has_the_promised_figures(first: Demo, folder: Path) -> None:
    said = json.loads((folder / "summary.json").read_text())
    assert {
        key: set(value) if isinstance(value, dict) else None for key, value in said.items()
    } == {
        "retrieval": {"attribute_precision_at_5"},
        "index": {"recall_at_10"},
        "embed": {"frames_per_second", "video_hours_per_day"},
        "generate": {
            "videos",
            "motion_accuracy",
            "appearance_accuracy",
            "means",
            "means_without_clips",
            "seconds_a_video",
        },
        "seconds": None,
    }
    assert said["index"]["recall_at_10"] >= 0.95
    assert said["seconds"] == pytest.approx(sum(first.seconds.values()))
    assert set(first.seconds) == {
        "corpus", "ingest", "embed", "pool", "index", "orchestration", "retrieve", "generate"
    }  # fmt: skip


def test_the_first_clip_found_shows_what_was_asked_for(first: Demo) -> None:
    assert all(prompt.clips[0].differs == () for prompt in first.prompts)


def test_precision_is_of_all_places_asked_for(first: Demo, folder: Path) -> None:
    """Counted again from the corpus's own table; an empty place would count as wrong."""
    rows = {r["videoID"]: r for r in pq.read_table(folder / "corpus/corpus.parquet").to_pylist()}
    right = sum(
        all(rows[clip.hit.video_id][name] == value for name, value in prompt.attributes.items())
        for prompt in first.prompts
        for clip in prompt.clips
    )
    assert first.precision == right / (5 * PROMPTS) == 0.2


def test_a_clip_differs_in_what_it_does_not_show() -> None:
    shown = {name: str(value) for name, value in _row().items() if name in ("shape", "colour")}
    assert find_differences("shapes-0-000007", shown) == ()
    assert find_differences("shapes-0-000007", shown | {"shape": "cube"}) == ("shape",)


def test_embedding_is_measured_by_the_receipts(first: Demo, folder: Path) -> None:
    vectors = (folder / "store").rglob("embed/*/shard-*.parquet")
    assert first.embedded.frames == sum(pq.read_metadata(file).num_rows for file in vectors)
    table = pq.read_table(folder / "store/corpora" / CORPUS / "videos", columns=["duration"])
    assert first.embedded.hours == pytest.approx(sum(table["duration"].to_pylist()) / 3600)
    rate = first.embedded.frames / first.embedded.load.wall
    assert first.summary()["embed"]["frames_per_second"] == pytest.approx(rate)


def test_a_second_run_embeds_nothing_and_says_the_same(
    first: Demo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = receipts(folder)
    monkeypatch.setattr("flows.pipeline.pipeline", _never)
    monkeypatch.setenv("REELFLOW_ROOT", "")
    again = demo(folder, VIDEOS, PROMPTS, GENERATED)
    assert receipts(folder) == before
    assert again.summary() | {"seconds": 0} == first.summary() | {"seconds": 0}
    assert again.prompts == first.prompts


def test_a_corpus_made_anew_goes_through_the_pipeline_again(
    first: Demo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.pipeline.pipeline", _never)
    monkeypatch.setenv("REELFLOW_ROOT", "")
    table = folder / "corpus/corpus.parquet"
    os.utime(table)
    with pytest.raises(AssertionError, match="the pipeline ran"):
        demo(folder, VIDEOS, PROMPTS, GENERATED)


def test_the_page_plays_the_clips_beside_it(first: Demo, folder: Path) -> None:
    html = (folder / "report.html").read_text()
    assert html.count('data-src="corpus/videos/shapes-0-') == sum(
        len(prompt.clips) for prompt in first.prompts
    )
    assert str(folder) not in html.replace(f'title="{folder}', "")


def test_what_was_generated_has_its_own_page(first: Demo, folder: Path) -> None:
    assert first.generated is not None and first.generated.videos == GENERATED
    html = (folder / "generated.html").read_text()
    assert all(row["prompt"] in html for row in asked_for(GENERATED))


def test_videos_with_and_without_clips_are_measured_and_ranked(first: Demo, folder: Path) -> None:
    assert first.generated is not None
    metrics = {"motion", "appearance", "text_similarity", "temporal_consistency"}
    assert first.generated.means.keys() == first.generated.without.keys() == metrics
    html = (folder / "leaderboard.html").read_text()
    assert "with clips" in html and "without clips" in html
    assert html.count(".mp4") >= 2 * GENERATED


def test_figures_are_of_an_index_that_is_published(first: Demo, folder: Path) -> None:
    workspace = open_workspace(Settings(root=str(folder / "store")))
    stages = first.about["fingerprints"].split(", ")
    for kind, fingerprint in (stage.split() for stage in stages):
        assert workspace.store.exists(f"corpora/{CORPUS}/{kind}/{fingerprint}/spec.json")


def test_any_file_of_prompts_gets_a_page_when_it_is_asked_for(
    first: Demo, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELFLOW_ROOT", str(folder / "store"))
    (tmp_path / "prompts.txt").write_text("a red circle\na green star, plain black\n")
    page = folder / "pages" / "mine.html"
    given = [str(tmp_path / name) for name in ("prompts.txt", "hits.parquet")]
    said = retrieve(CORPUS, *given, RetrieveSpec(k=3, dedup=1.01), str(page))
    assert said["report"] == str(page)
    html = page.read_text()
    assert html.count('data-src="../corpus/videos/shapes-0-') == said["hits"] == 6
    assert "a green star, plain black" in html and "k 3" in html


def test_the_command_prints_every_figure(
    first: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("flows.demo.demo", lambda *given: first)
    command()
    said = capsys.readouterr().out
    for text in ("precision@5", "0.200", "recall@10, text", "recall@10, video", "frames per second",
                 "video-hours per day", "bottleneck", "seconds, embed", "seconds in total",
                 "motion", "demo/report.html", "demo/generated.html",
                 "demo/leaderboard.html"):  # fmt: skip
        assert text in said


def _never(*given: object, **more: object) -> None:
    raise AssertionError("the pipeline ran")


def _row() -> dict:
    from engines.tiny.corpus import build_row

    return build_row(0, 7)
