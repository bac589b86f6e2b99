"""The contact sheet of a run: real videos decoded, laid out beside their clips."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import golden
from support.generated import SPEC, run_in

from data.runs.generations import read_generations
from data.specs.pipeline import RetrieveSpec
from data.store.storage import Store
from engines.report.contact_sheet import FRAME_HEIGHT, MAX_VIDEOS, write_contact_sheet
from engines.report.generation import RunView
from engines.report.mosaic import GAP, LABEL_WIDTH, MARGIN, WELL
from engines.worker import WorkerSetup

STEP = FRAME_HEIGHT + GAP


def sheet_of(folder: Path, prompts: list[str], clips: list[Path], gone=(), **how):
    """The pixels of a run's sheet, and how many videos are on it."""
    store = Store(str(folder / "store"))
    run = run_in(store, prompts, clips, **how)
    path = folder / "out/sheet.jpg"
    shown = RunView(store, run, folder / "page.html", gone)
    count = write_contact_sheet(shown, list(read_generations(store, run)), WorkerSetup(), path)
    return np.asarray(Image.open(path)).astype(int), count


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Of three prompts the second failed; of four clips the last two are broken and withdrawn."""
    folder = tmp_path_factory.mktemp("sheet")
    clips = [golden.clip(folder / f"clip-{n}.mp4") for n in range(2)]
    clips += [golden.html(folder / "broken.mp4"), golden.clip(folder / "gone.mp4")]
    spec = SPEC.model_copy(update={"retrieve": RetrieveSpec(k=3)})
    prompts, gone = ["a", "b", "c"], {"content of gone"}
    picture, count = sheet_of(folder, prompts, clips, gone, spec=spec, fails={1: "too long"})
    assert count == 2
    return picture


def frame(picture: np.ndarray, row: int, place: int, video: int = 3) -> np.ndarray:
    """A frame of the sheet; the clips' stand a little apart."""
    top = MARGIN + row * STEP
    left = MARGIN + LABEL_WIDTH + place * STEP + (MARGIN if place >= video else 0)
    return picture[top : top + FRAME_HEIGHT, left : left + FRAME_HEIGHT]


def nearest(picture: np.ndarray) -> int:
    """The number of the generated video's frame that this is most like."""
    frames = [
        Image.fromarray(golden.picture(n, (64, 64))).resize((FRAME_HEIGHT, FRAME_HEIGHT))
        for n in range(8)
    ]
    return int(np.argmin([np.abs(picture - np.asarray(each)).mean() for each in frames]))


def blank(picture: np.ndarray, row: int) -> list[bool]:
    return [bool((abs(frame(picture, row, place) - WELL) < 9).all()) for place in range(6)]


def test_the_first_middle_and_last_frame_are_there(sheet: np.ndarray) -> None:
    first, middle, last = (nearest(frame(sheet, 0, place)) for place in range(3))
    assert (first, last) == (0, 7) and middle in (3, 4)


def test_clips_are_beside_it_whole(sheet: np.ndarray) -> None:
    clip = frame(sheet, 0, 3)
    assert np.abs(clip[30:60] - WELL).mean() > 20
    assert np.abs(clip[:12] - WELL).mean() < 3  # wide, in a square


def test_what_cannot_be_read_and_what_is_withdrawn_is_left_blank(sheet: np.ndarray) -> None:
    assert blank(sheet, 0) == [False, False, False, False, False, True]
    assert blank(sheet, 1) == [False, False, False, True, True, False]


def test_a_failed_prompt_has_no_row(sheet: np.ndarray) -> None:
    assert sheet.shape[0] == 2 * MARGIN + 2 * STEP


def test_a_large_run_is_shown_in_part_in_several_columns(clips: Path, tmp_path: Path) -> None:
    prompts = [f"cat {n}" for n in range(MAX_VIDEOS + 5)]
    picture, count = sheet_of(tmp_path, prompts, sorted(clips.glob("*.mp4")))
    assert count == MAX_VIDEOS
    height, width = picture.shape[:2]
    assert 0.5 < width / height < 2
