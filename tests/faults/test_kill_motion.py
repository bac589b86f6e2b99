"""kill -9 in motion features and in both trainings of MotionRAG; then the same bytes."""

import signal
from collections.abc import Iterable
from pathlib import Path

import pytest
from support import golden, motionrag, tiny_pipelines
from support.commands import Shop

from engines.generate.motionrag.motion_sites import find_base

STEPS = 3
FEATURES = "corpora/c/motion-features/*"
KILLED_FEATURES = [
    ("during", f"{FEATURES}/shard-000001.parquet"),
    ("before", f"{FEATURES}/receipts/000001.json"),
]
# A checkpoint is written at each step: the second, and a release of which one file is there.
KILLED_TRAINING = [("before", "*/resume.pt", 2), ("after", "*/motion_proj.safetensors")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all commands left, undisturbed ones and killed ones, in forks of one process."""
    folder, pipe = tmp_path_factory.mktemp("motion"), tiny_pipelines.svd()
    pipe.save_pretrained(folder / "base")
    release = str(motionrag.write_release(folder / "release", find_base(pipe)))
    for n in range(4):
        golden.clip(folder / "clips" / f"{n}.mp4", frames=30 + n)
    usual = ("--steps", str(STEPS), "--rate", "1e-3", "--motion", release, "--batch", "1")
    adapter = ("train-motion", "adapter", "c", "--base", str(folder / "base"), *usual,
               "--size", "32x32", "--frames", "4", "--precision", "fp32")  # fmt: skip
    context = ("train-motion", "context", "c", *usual, "--by", "motion", "-k", "2",
               "--ceiling", "1.01", "--dedup", "1.01")  # fmt: skip
    features = ("--motion", release, "--frames", "4", "--patches")
    runs: list[tuple[tuple[str, ...], tuple]] = [
        (("ingest", str(folder / "clips"), "--corpus", corpus), ()) for corpus in "uc"
    ]
    runs.append((("motion-features", "u", *features), ()))
    runs += disturb(("motion-features", "c", *features), KILLED_FEATURES)
    for name, words in (("adapter", adapter), ("context", context)):
        runs.append(((*words, "--out", str(folder / f"{name}-u")), ()))
        runs += disturb((*words, "--out", str(folder / name)), KILLED_TRAINING)
    shop = Shop(folder, SHARD_SIZE=2)
    results = shop.run_each(runs, "support.motion_trainings")
    for (words, dies), result in zip(runs, results, strict=True):
        expected = -signal.SIGKILL if dies else 0
        assert result.code == expected, f"{words} {dies}: {result.err}"
    return folder


def disturb(words: tuple[str, ...], moments: Iterable[tuple]) -> list[tuple]:
    return [*((words, dies) for dies in moments), (words, ())]


def contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob(pattern))}


@pytest.mark.timeout(600)
def test_features_of_a_killed_stage_are_those_of_an_undisturbed_one(folder: Path) -> None:
    pattern = "store/corpora/{}/motion-features/*/shard-*.parquet"
    found = contents(folder, pattern.format("c"))
    assert len(found) == 2 and found == contents(folder, pattern.format("u"))
    assert not list(folder.rglob(".*.tmp"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["adapter", "context"])
def test_a_killed_training_goes_on_to_the_same_release(folder: Path, name: str) -> None:
    found = contents(folder / name, "*.safetensors")
    assert len(found) == 3 and found == contents(folder / f"{name}-u", "*.safetensors")
    assert contents(folder / "release", "*.safetensors") != found
    drafts = [file.name for file in (folder / name).rglob(".*.part")]
    assert not [draft for draft in drafts if "resume" not in draft]
