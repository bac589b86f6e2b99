"""kill -9 in the middle of a pass, then the same again: the same bytes, no pass made twice."""

import json
import signal
from pathlib import Path

import pytest
from support import evidence, golden
from support.commands import Shop

FOLDER = "refinements/*"
MOMENT = "during", f"{FOLDER}/media/*.mkv", 2  # a video's second pass, the first being whole
WORDS = "--refiner", "temporal_median", "--corruption", "grain", "--iterations", "1,2"
QUICK = "--metrics", "temporal_consistency"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for n in range(2):
        golden.clip(folder / f"{n}.mp4", frames=8 + n, fps=8)
    golden.html(folder / "broken.mp4")
    return folder


def collect_passes(root: Path) -> dict[str, object]:
    """The bytes of every pass, and its row but for how long it took."""
    (folder,) = root.glob(FOLDER)
    media = sorted(file for file in folder.glob("media/**/*.*") if file.suffix != ".json")
    rows = [json.loads(file.read_text()) for file in sorted(folder.glob("media/**/*.json"))]
    return {file.name: file.read_bytes() for file in media} | {
        row["id"]: row | {"seconds": None} for row in rows
    }


def list_whole(root: Path) -> dict[Path, int]:
    """The rows that mark passes as whole, and when each was written."""
    return {file: file.stat().st_mtime_ns for file in root.glob(f"{FOLDER}/media/**/*.json")}


@pytest.mark.timeout(600)
def test_killed_in_mid_pass_a_refinement_ends_with_the_same_bytes(
    videos: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    command = "refine", str(videos), *WORDS, *QUICK
    shop = Shop(tmp_path_factory.mktemp("killed"))
    assert shop.run(*command, dies=MOMENT).code == -signal.SIGKILL
    killed = list_whole(shop.root)
    assert len(killed) == 1
    shop.ok(*command)
    assert killed.items() <= list_whole(shop.root).items(), "made twice"
    undisturbed = Shop(tmp_path_factory.mktemp("undisturbed"))
    undisturbed.ok(*command)
    made = collect_passes(shop.root)
    assert made == collect_passes(undisturbed.root) and len(made) == 2 * 3 * 3
    assert not evidence.partials(shop.root)
