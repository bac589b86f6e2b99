"""Writes the clips that the bundled controllers learn from: `python -m engines.tiny.t2v.bank`."""

import argparse
from itertools import count
from pathlib import Path

from engines.tiny.corpus import Row, name_of, row, write_clips
from engines.tiny.t2v.training_set import SHOWN

SEED = 1  # another than the demo's, whose clips the controllers are to be tried on


def rows(videos: int, seed: int = SEED) -> list[tuple[int, Row]]:
    """The first clips of a corpus whose combination the base model was shown, and their numbers."""
    found: list[tuple[int, Row]] = []
    for index in count():
        if len(found) == videos:
            return found
        said = row(seed, index)
        if (said["shape"], said["colour"], said["background"]) in SHOWN:
            found.append((index, said))
    raise AssertionError


def write(folder: Path, videos: int, seed: int = SEED) -> Path:
    """Renders them, and returns the table to ingest."""
    import pyarrow as pa
    from pyarrow import parquet

    chosen, videos_folder = rows(videos, seed), folder / "videos"
    videos_folder.mkdir(parents=True, exist_ok=True)
    missing = [i for i, _ in chosen if not (videos_folder / f"{name_of(seed, i)}.mp4").exists()]
    write_clips(folder, seed, missing)
    table = folder / "corpus.parquet"
    parquet.write_table(pa.Table.from_pylist([said for _, said in chosen]), table)
    return table


def main() -> None:
    """Write the clips, and say where their table is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/t2v-bank"))
    parser.add_argument("--videos", type=int, default=3000)
    given = parser.parse_args()
    print(write(given.folder, given.videos))


if __name__ == "__main__":
    main()
