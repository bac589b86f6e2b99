"""A small corpus of real files with near-duplicates, and what was found of them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tasks.embed.canary
from data.catalog.database import load_sql
from data.records import Video
from data.specs.dedup import DedupSpec
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from flows.pipeline import pipeline
from support import golden
from support.copies import write_copies

# Fakes embed the picture itself: copies by size, time and encoding are near, reframed ones are not.
SAMPLED, SPEC = EmbedSpec(engine="fake", every_nth=5), DedupSpec(threshold=0.95, candidates=0.8)
KINDS = ("re-encoded", "trimmed", "slowed down")
CANARY = [Video(f"canary/{n}", f"fake://canary{n}", "") for n in "ab"]  # as workspaces have it
COPIES = {f"clip-0~{kind.replace(' ', '-')}" for kind in KINDS}


def patches(seed: int) -> Callable[[int, tuple[int, int]], np.ndarray]:
    """Patches of colours that pass into others within ten frames, others for each seed."""
    colours = np.random.default_rng(seed).integers(0, 256, (8, 4, 4, 3))

    def draw(number: int, size: tuple[int, int]) -> np.ndarray:
        share = number % 10 / 10
        mixed = (1 - share) * colours[number // 10] + share * colours[number // 10 + 1]
        return np.kron(mixed, np.ones((size[1] // 4, size[0] // 4, 1))).astype(np.uint8)

    return draw


def write_clip(folder: Path, n: int) -> Path:
    return golden.clip(folder / f"clip-{n}.mp4", frames=50, size=(48, 32), draw=patches(n))


def build_corpus(folder: Path) -> None:
    """Four clips, three copies of the first, and the bytes of the second again, with an index."""
    for n in range(4):
        write_clip(folder / "clips", n)
    write_copies(folder / "clips" / "clip-0.mp4", folder / "clips", KINDS)
    shutil.copy(folder / "clips" / "clip-1.mp4", folder / "clips" / "same.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.embed.canary, "_write_clips", lambda store: CANARY)
        for name, value in (("ROOT", folder / "store"), ("RUNNER", "in_process"), ("DECODERS", 1)):
            patch.setenv(f"REELFLOW_{name}", str(value))
        pipeline("c", str(folder / "clips"), embed_spec=SAMPLED)


def copies_of(workspace: Workspace) -> dict[str, str]:
    """What each copy is a duplicate of."""
    with workspace.open_synced_catalog("c") as catalog:
        rows = catalog.execute(load_sql("duplicates_of"), corpus="c")
    return dict(rows)


def groups(workspace: Workspace) -> dict[str, str]:
    with workspace.open_synced_catalog("c") as catalog:
        rows = catalog.execute('SELECT id, "group" FROM duplicate_videos')
    return dict(rows)
