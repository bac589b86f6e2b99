import os
import shutil
from pathlib import Path

import pytest
from support.corpora import FAKE, counts, reasons, table, videos

from data.catalog.failures import Failures
from data.errors import UserError
from flows.embed import embed
from flows.ingest import ingest, retry_ingest

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.mark.usefixtures("prefect_backend")
def test_every_row_is_accounted_for(workspace, clips: Path) -> None:
    source = table(
        clips,
        [
            {"videoID": "good", "videoLoc": "clip-0.mp4", "txt": "a caption"},
            {"videoID": None, "videoLoc": "clip-1.mp4", "txt": "no id"},
            {"videoID": "good", "videoLoc": "clip-1.mp4", "txt": "an id taken"},
            {"videoID": "gone", "videoLoc": "nowhere.mp4", "txt": "no file"},
            {"videoID": "nowhere", "videoLoc": None, "txt": "no location"},
            {"videoID": "silent", "videoLoc": "clip-2.mp4", "txt": " "},
            {"videoID": "told", "videoLoc": "https://me:planted@example.org/a.mp4", "txt": "x"},
        ],
    )
    made = ingest(source, "c")
    assert made["rows"] == 7
    assert made["new"] == 2
    assert made["failed"] == {"rejected": 4, "missing": 1}
    assert made["notes"] == {"no caption": 1}
    assert videos(workspace, "c", "ingest") == counts(7, 2, 5)
    assert reasons(workspace, "c") == {
        None: "rejected", "good": "rejected", "gone": "missing", "nowhere": "rejected",
        "told": "rejected",
    }  # fmt: skip
    held = [file for file in workspace.store.local_path("").rglob("*") if file.is_file()]
    assert not [file for file in held if b"planted" in file.read_bytes()]


def test_files_of_a_folder_that_are_not_taken_are_named(
    workspace, clips: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (clips / "notes.docx").write_text("-")
    (clips / "lost.txt").write_text("the caption of a video that is not there")
    with caplog.at_level("INFO"):
        ingest(str(clips), "c")
    (note,) = [line for line in caplog.messages if "not taken" in line]
    assert "notes.docx" in note and "lost.txt" in note and "clip-0.txt" not in note


def test_a_second_ingest_adds_only_what_is_new(workspace, clips: Path) -> None:
    assert ingest(str(clips), "c")["new"] == 4
    parts = workspace.store.list_names("corpora/c/videos")
    shutil.copy(clips / "clip-0.mp4", clips / "another.mp4")
    made = ingest(str(clips), "c")
    assert (made["new"], made["unchanged"], made["changed"]) == (1, 4, 0)
    assert ingest(str(clips), "c")["unchanged"] == 5
    assert len(workspace.store.list_names("corpora/c/videos")) == len(parts) + 1


@pytest.mark.parametrize("probe", [True, False])
def test_a_changed_file_is_seen_even_at_its_old_size(workspace, clips: Path, probe: bool) -> None:
    ingest(str(clips), "c", probe=probe)
    changed = clips / "clip-1.mp4"
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    os.utime(changed, (1, 1))
    made = ingest(str(clips), "c", probe=probe)
    assert (made["changed"], made["unchanged"]) == (1, 3)
    assert videos(workspace, "c", "ingest")["total"] == 4


def test_rejected_rows_go_when_their_source_is_mended(workspace, clips: Path) -> None:
    row = {"videoID": "a", "videoLoc": "clip-0.mp4", "txt": "x"}
    ingest(table(clips, [row, row]), "c")
    assert videos(workspace, "c", "ingest") == counts(2, 1, 1)
    ingest(table(clips, [row]), "c")
    assert videos(workspace, "c", "ingest") == counts(1, 1)


def test_exact_duplicates_are_embedded_once_and_both_are_done(workspace, clips: Path) -> None:
    shutil.copy(clips / "clip-0.mp4", clips / "copy.mp4")
    ingest(str(clips), "c")
    assert embed("c", FAKE)["done"] == 4
    assert videos(workspace, "c", "embed") == counts(5, 5)


def test_ids_of_any_kind_never_leave_the_store(workspace, clips: Path, tmp_path: Path) -> None:
    ids = ["../../escape", "/etc/x", "a/b/c", "..", "😀 space", "x" * 300, "nul\\", "a.b"]
    rows = [{"videoID": id, "videoLoc": "clip-0.mp4", "txt": "t"} for id in ids]
    source = table(clips, rows)
    before = {file for file in tmp_path.rglob("*") if file.is_file()}
    assert ingest(source, "c")["new"] == len(ids)
    embed("c", FAKE)
    made = {file for file in tmp_path.rglob("*") if file.is_file()} - before
    assert all((tmp_path / "store") in file.parents for file in made)
    assert videos(workspace, "c", "embed") == counts(len(ids), len(ids))


def test_a_file_that_came_back_is_good_after_retry(workspace, clips: Path) -> None:
    hidden = clips / "clip-0.mp4"
    away = hidden.rename(clips / "away.bin")
    source = table(clips, [{"videoID": "a", "videoLoc": "clip-0.mp4", "txt": "x"},
                           {"videoID": "b", "videoLoc": "clip-1.mp4", "txt": "y"}])  # fmt: skip
    ingest(source, "c")
    assert reasons(workspace, "c") == {"a": "missing"}
    away.rename(hidden)
    retry_ingest("c", Failures(reasons=("missing",)))
    assert reasons(workspace, "c") == {}
    assert videos(workspace, "c", "ingest") == counts(2, 2)


def test_columns_with_other_names_can_be_mapped(workspace, clips: Path) -> None:
    source = table(clips, [{"name": "a", "file": "clip-0.mp4", "text": "t", "published": "2024"}])
    with pytest.raises(UserError, match="--column"):
        ingest(source, "c")
    mapped = {"videoID": "name", "videoLoc": "file", "txt": "text"}
    assert ingest(source, "c", mapped)["new"] == 1


def test_probing_tells_what_a_video_is(workspace, clips: Path) -> None:
    ingest(str(clips), "c")
    with workspace.open_catalog() as catalog:
        rows = catalog.query_rows("SELECT * FROM videos WHERE id = 'clip-0'")
    assert rows[0]["codec"] == "h264"
    assert rows[0]["content"].startswith("sha256:")
    assert rows[0]["caption"] == "a wave in colours"
    assert rows[0]["duration"] > 0
