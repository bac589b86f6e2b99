"""The moving-shapes corpus: captioned H.264 clips, the same for everyone with the same seed."""

import json
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from engines.tiny.canary import canary
from engines.tiny.movie import encode
from engines.tiny.render import frames
from engines.tiny.scene import HELD_OUT, Scene, scene_at
from engines.tiny.wording import TRAINING, UNSEEN, caption, phrase

__all__ = ["canary", "held_out_prompts", "write"]

VERSION = 1
ATTRIBUTES = ("shape", "colour", "background", "motion", "speed", "size")
CHUNK = 25

Row = dict[str, str | bool]


def write(folder: Path, videos: int, seed: int = 0, workers: int = 2) -> Path:
    """Write what is missing of a corpus of `videos` clips and return its Parquet table."""
    table = folder / "corpus.parquet"
    made = {"version": VERSION, "videos": videos, "seed": seed}
    wanted = {f"{name_of(seed, index)}.mp4": index for index in range(videos)}
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    if _made(table) != made or wanted.keys() - set(os.listdir(folder / "videos")):
        table.unlink(missing_ok=True)
        _clear_other_version(folder / "videos")
        missing = wanted.keys() - set(os.listdir(folder / "videos"))
        _render(folder, seed, sorted(wanted[name] for name in missing), workers)
        _write_table([row(seed, index) for index in range(videos)], table, made)
    return table


def held_out_prompts(n: int = 40, seed: int = 1) -> list[tuple[str, dict[str, str]]]:
    """Prompts on combinations no training clip shows, every other one in wording no caption has."""
    rng = np.random.default_rng([seed, 2])
    combinations = sorted(HELD_OUT)
    order = [i for _ in range(0, n, len(combinations)) for i in rng.permutation(len(combinations))]
    prompts = []
    for place, index in enumerate(order[:n]):
        asked = dict(zip(ATTRIBUTES, combinations[index], strict=False))
        prompts.append((phrase(rng, TRAINING if place % 2 else UNSEEN, asked).text, asked))
    return prompts


def row(seed: int, index: int) -> Row:
    """The table's row for clip `index`."""
    scene, name = scene_at(seed, index), name_of(seed, index)
    parts = words_of(scene)
    said = caption(np.random.default_rng([seed, 3, index]), parts)
    located = {"txt": said, "videoLoc": f"videos/{name}.mp4", "videoID": name}
    return {**located, **parts, "held_out": scene.combination in HELD_OUT}


def words_of(scene: Scene) -> dict[str, str]:
    """A scene's six attributes by name."""
    return {name: value for name, value in asdict(scene).items() if name in ATTRIBUTES}


def name_of(seed: int, index: int) -> str:
    """The id of clip `index`."""
    return f"shapes-{seed}-{index:06d}"


def write_clips(folder: Path, seed: int, indices: Iterable[int]) -> None:
    """Render and encode some clips of a corpus."""
    for index in indices:
        scene = scene_at(seed, index)
        file = folder / "videos" / f"{name_of(seed, index)}.mp4"
        encode(frames(scene, np.arange(scene.frames)), file)


def _render(folder: Path, seed: int, indices: list[int], workers: int) -> None:
    if workers < 2 or len(indices) < 2 * CHUNK:
        return write_clips(folder, seed, indices)
    chunks = [indices[at : at + CHUNK] for at in range(0, len(indices), CHUNK)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(write_clips, folder, seed), chunks))
    return None


def _clear_other_version(videos: Path) -> None:
    """Drop clips made by another version of the renderer, which bear the same names."""
    mark = videos.parent / ".version"
    if not mark.exists() or mark.read_text() != str(VERSION):
        for clip in videos.glob("shapes-*.mp4"):
            clip.unlink()
    mark.write_text(str(VERSION))


def _write_table(rows: list[Row], table: Path, made: dict[str, int]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = pa.Table.from_pylist(rows).replace_schema_metadata({"made": json.dumps(made)})
    draft = table.with_name(f".{table.name}.{os.getpid()}.part")
    parquet.write_table(columns, draft)
    os.replace(draft, table)


def _made(table: Path) -> dict[str, int] | None:
    from pyarrow import parquet

    if not table.exists():
        return None
    return json.loads((parquet.read_schema(table).metadata or {}).get(b"made", b"null"))
