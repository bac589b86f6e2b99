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

from engines.tiny.canary import write_canary
from engines.tiny.movie import encode_movie
from engines.tiny.render import render_frames
from engines.tiny.scene import HELD_OUT, Scene, scene_at
from engines.tiny.wording import TRAINING, UNSEEN, write_caption, write_phrase

__all__ = ["held_out_prompts", "write_canary", "write_corpus"]

VERSION = 1
ATTRIBUTES = ("shape", "colour", "background", "motion", "speed", "size")
CHUNK = 25

Row = dict[str, str | bool]


def write_corpus(folder: Path, videos: int, seed: int = 0, workers: int = 2) -> Path:
    """Writes what is missing of a corpus of `videos` clips and returns its Parquet table."""
    table = folder / "corpus.parquet"
    parameters = {"version": VERSION, "videos": videos, "seed": seed}
    wanted = {f"{clip_name(seed, index)}.mp4": index for index in range(videos)}
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    if _read_parameters(table) != parameters or wanted.keys() - set(os.listdir(folder / "videos")):
        # The table goes first: it vouches for clips that are about to change.
        table.unlink(missing_ok=True)
        _clear_other_version(folder / "videos")
        missing = wanted.keys() - set(os.listdir(folder / "videos"))
        _render_clips(folder, seed, sorted(wanted[name] for name in missing), workers)
        _write_table([build_row(seed, index) for index in range(videos)], table, parameters)
    return table


def held_out_prompts(n: int = 40, seed: int = 1) -> list[tuple[str, dict[str, str]]]:
    """Prompts for combinations that no training clip shows, half of them in unseen wording."""
    rng = np.random.default_rng([seed, 2])
    combinations = sorted(HELD_OUT)
    order = [i for _ in range(0, n, len(combinations)) for i in rng.permutation(len(combinations))]
    prompts = []
    for place, index in enumerate(order[:n]):
        expected = dict(zip(ATTRIBUTES, combinations[index], strict=False))
        prompts.append(
            (write_phrase(rng, TRAINING if place % 2 else UNSEEN, expected).text, expected)
        )
    return prompts


def build_row(seed: int, index: int) -> Row:
    """The table's row for clip `index`."""
    scene, name = scene_at(seed, index), clip_name(seed, index)
    parts = scene_attributes(scene)
    # Generators of their own for scenes, captions and prompts: more of one leaves the others.
    text = write_caption(np.random.default_rng([seed, 3, index]), parts)
    located = {"txt": text, "videoLoc": f"videos/{name}.mp4", "videoID": name}
    return {**located, **parts, "held_out": scene.combination in HELD_OUT}


def scene_attributes(scene: Scene) -> dict[str, str]:
    """A scene's six attributes by name."""
    return {name: value for name, value in asdict(scene).items() if name in ATTRIBUTES}


def clip_name(seed: int, index: int) -> str:
    """The id of clip `index`."""
    return f"shapes-{seed}-{index:06d}"


def write_clips(folder: Path, seed: int, indices: Iterable[int]) -> None:
    """Renders and encodes some clips of a corpus."""
    for index in indices:
        scene = scene_at(seed, index)
        file = folder / "videos" / f"{clip_name(seed, index)}.mp4"
        encode_movie(render_frames(scene, np.arange(scene.frames)), file)


def _render_clips(folder: Path, seed: int, indices: list[int], workers: int) -> None:
    if workers < 2 or len(indices) < 2 * CHUNK:
        return write_clips(folder, seed, indices)
    chunks = [indices[at : at + CHUNK] for at in range(0, len(indices), CHUNK)]
    # Spawned: a fork of a process with FFmpeg's or torch's threads may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(write_clips, folder, seed), chunks))
    return None


def _clear_other_version(videos: Path) -> None:
    """Deletes clips of another version of the renderer, which have the same names."""
    mark = videos.parent / ".version"
    if not mark.exists() or mark.read_text() != str(VERSION):
        for clip in videos.glob("shapes-*.mp4"):
            clip.unlink()
    mark.write_text(str(VERSION))


def _write_table(rows: list[Row], table: Path, parameters: dict[str, int]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = pa.Table.from_pylist(rows).replace_schema_metadata({"made": json.dumps(parameters)})
    draft = table.with_name(f".{table.name}.{os.getpid()}.part")
    parquet.write_table(columns, draft)
    os.replace(draft, table)


def _read_parameters(table: Path) -> dict[str, int] | None:
    from pyarrow import parquet

    if not table.exists():
        return None
    return json.loads((parquet.read_schema(table).metadata or {}).get(b"made", b"null"))
