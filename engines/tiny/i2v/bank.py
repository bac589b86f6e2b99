"""Writes clips that motion is retrieved from, and prompts: `python -m engines.tiny.i2v.bank`.

With `--unseen` clips of the motions that no part of the pipeline is trained on.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from engines.tiny.i2v.training_set import (
    MOTIONS,
    UNSEEN_MOTIONS,
    draw_clip,
    draw_moving_scene,
)
from engines.tiny.i2v.training_set import PIXELS as TRAINED
from engines.tiny.i2v.wording import write_captions
from engines.tiny.movie import encode_movie
from engines.tiny.render import render_frames
from engines.tiny.scene import Scene

PIXELS, FRAMES = 64, 50  # two seconds: eight frames at four a second, and a little more
SHOWN = ("shape", "colour", "background", "motion", "speed", "size")


def draw_bank_scene(
    seed: int, index: int, motions: tuple[str, ...]
) -> tuple[Scene, dict[str, str]]:
    """A clip's scene, and its row in the table."""
    rng = np.random.default_rng([seed, 13, index])
    scene = replace(draw_moving_scene(rng, motions=motions), pixels=PIXELS, frames=FRAMES)
    name = f"{'new' if motions == UNSEEN_MOTIONS else 'known'}-{seed}-{index:06d}"
    text, motion = write_captions(rng, scene)
    row = {"videoID": name, "videoLoc": f"videos/{name}.mp4", "txt": text, "motion_caption": motion}
    return scene, row | {attribute: getattr(scene, attribute) for attribute in SHOWN}


def write_prompts(folder: Path, count: int, motions: tuple[str, ...], seed: int = 1) -> Path:
    """Writes prompts whose videos the bank's first clips are, and returns their table.

    A prompt has the clip's first frame, a caption of its motion in other words, and in `truth` its
    id.
    """
    from PIL import Image

    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(count):
        scene, row = draw_bank_scene(seed, index, motions)
        picture = f"pictures/{row['videoID']}.png"
        first = draw_clip(replace(scene, pixels=TRAINED))[0]
        Image.fromarray(first).save(folder / picture)
        _, motion = write_captions(np.random.default_rng([seed, 14, index]), scene)
        own = {"id": f"p{index:03d}", "txt": motion, "image": picture, "truth": row["videoID"]}
        rows.append(own | {attribute: row[attribute] for attribute in SHOWN})
    table = folder / "prompts.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return table


def write_bank(folder: Path, videos: int, motions: tuple[str, ...], seed: int = 1) -> Path:
    """Renders the clips that are missing, and returns the table to ingest."""
    import pyarrow as pa
    from pyarrow import parquet

    (folder / "videos").mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(videos):
        scene, row = draw_bank_scene(seed, index, motions)
        file = folder / row["videoLoc"]
        if not file.exists():
            encode_movie(render_frames(scene, np.arange(scene.frames)), file)
        rows.append(row)
    table = folder / "corpus.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), table)
    return table


def main() -> None:
    """Writes clips and prompts, and prints the paths of their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/i2v-bank"))
    parser.add_argument("--videos", type=int, default=1200)
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--unseen", action="store_true")
    options = parser.parse_args()
    motions = UNSEEN_MOTIONS if options.unseen else MOTIONS
    print(write_bank(options.folder, options.videos, motions))
    print(write_prompts(options.folder, options.prompts, motions))


if __name__ == "__main__":
    main()
