"""kill -9 while videos are made, then the same command again: the same files, none twice."""

import json
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import evidence
from support.commands import Shop, wait_until

SOURCE = "fake://12?frames=60"
PROMPTS = "".join(f"prompt {n} seconds=0.01\n" for n in range(6)) + "prompt 1 seconds=0.01\n"
RUN = "generations/*"

MOMENTS = [
    ("before", f"{RUN}/spec.json"),
    ("during", f"{RUN}/shards/000001.json"),
    ("during", f"{RUN}/media/*.mp4", 2),
    ("after", f"{RUN}/media/*.mp4", 2),
    ("after", f"{RUN}/media/*.json", 2),
    ("before", f"{RUN}/receipts/*.json"),
    ("during", "catalogue:conditioning"),
    ("during", f"{RUN}/generations.parquet"),
]


def command(folder: Path) -> tuple[str, ...]:
    prompts = folder / "prompts.txt"
    prompts.write_text(PROMPTS)
    shape = ("--size", "32x16", "--frames", "3", "--fps", "4", "--precision", "fp32")
    return ("generate", "c", str(prompts), "--engine", "fake", "--k", "2", *shape)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    shop = _shop(folder)
    shop.ok(*command(folder))
    return shop.root


def _shop(folder: Path) -> Shop:
    shop = Shop(folder, PROMPTS_PER_SHARD=3)
    shop.ok("run", "c", "--source", SOURCE, "--engine", "fake")
    return shop


def files(root: Path) -> dict[str, bytes]:
    return {name: content for name, (_, content) in evidence.videos(root).items()}


def rows(root: Path) -> list[dict]:
    """The run's table, without what takes another time every time."""
    (table,) = root.glob(f"{RUN}/generations.parquet")
    return [row | {"seconds": 0} for row in pq.read_table(table).to_pylist()]


@pytest.mark.timeout(600)
def test_killed_again_and_again_a_run_makes_the_same_files_and_none_twice(
    undisturbed: Path, tmp_path: Path
) -> None:
    shop = _shop(tmp_path)
    for moment in MOMENTS:
        before = evidence.videos(shop.root)
        assert shop.run(*command(tmp_path), dies=moment).code == -signal.SIGKILL, moment
        assert before.items() <= evidence.videos(shop.root).items(), f"made twice, at {moment}"
    before = evidence.videos(shop.root)
    shop.ok(*command(tmp_path))
    assert before.items() <= evidence.videos(shop.root).items(), "made twice"
    assert files(shop.root) == files(undisturbed)
    assert len(files(shop.root)) == 6
    assert rows(shop.root) == rows(undisturbed)
    assert not evidence.partials(shop.root)
    evidence.assert_rebuilt_the_same(shop.root)


@pytest.mark.timeout(600)
def test_killed_as_videos_are_made_the_command_goes_on(undisturbed: Path, tmp_path: Path) -> None:
    shop = _shop(tmp_path)
    run = shop.start(*command(tmp_path))
    wait_until(lambda: len(evidence.videos(shop.root)) >= 2, "two videos were made")
    run.kill()
    before = evidence.videos(shop.root)
    shop.ok(*command(tmp_path))
    assert before.items() <= evidence.videos(shop.root).items()
    assert files(shop.root) == files(undisturbed)


@pytest.mark.timeout(600)
def test_a_withdrawal_killed_half_way_is_finished_by_the_same_command(tmp_path: Path) -> None:
    shop = _shop(tmp_path)
    shop.ok(*command(tmp_path))
    video = rows(shop.root)[0]["hits"][0]["video_id"]
    withdraw = ("withdraw", video, "--corpus", "c", "--regenerate")
    for moment in [("after", "corpora/c/withdrawn/*"), ("before", f"{RUN}/shards/*"),
                   ("after", f"{RUN}/shards/*"), ("during", f"{RUN}/media/*.mp4")]:  # fmt: skip
        assert shop.run(*withdraw, dies=moment).code == -signal.SIGKILL, moment
    shop.ok(*withdraw)
    found = [hit["video_id"] for row in rows(shop.root) for hit in row["hits"]]
    assert found and video not in found
    assert len(files(shop.root)) == 6
    assert json.loads(shop.ok("passport", video, "--json").out)["influenced"] == []
    evidence.assert_rebuilt_the_same(shop.root)
