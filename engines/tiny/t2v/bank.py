"""Writes the clips that controllers are trained on: `python -m engines.tiny.t2v.bank`."""

import argparse
from itertools import count
from pathlib import Path

from engines.tiny.corpus import Row, build_row, clip_name, write_clips
from engines.tiny.t2v.training_set import TRAINED_ON

SEED = 1  # not the demo's, whose clips the controllers are tried on


def list_rows(videos: int, seed: int = SEED) -> list[tuple[int, Row]]:
    """The numbers and rows of the first clips whose combinations the base model was trained on."""
    rows: list[tuple[int, Row]] = []
    for index in count():
        if len(rows) == videos:
            return rows
        row = build_row(seed, index)
        if (row["shape"], row["colour"], row["background"]) in TRAINED_ON:
            rows.append((index, row))
    raise AssertionError


def write_corpus(folder: Path, videos: int, seed: int = SEED) -> Path:
    """Renders the missing clips, and returns the table to ingest."""
    import pyarrow as pa
    from pyarrow import parquet

    chosen, videos_folder = list_rows(videos, seed), folder / "videos"
    videos_folder.mkdir(parents=True, exist_ok=True)
    missing = [i for i, _ in chosen if not (videos_folder / f"{clip_name(seed, i)}.mp4").exists()]
    write_clips(folder, seed, missing)
    table = folder / "corpus.parquet"
    parquet.write_table(pa.Table.from_pylist([row for _, row in chosen]), table)
    return table


def main() -> None:
    """Writes the clips, and prints the path of their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/t2v-bank"))
    parser.add_argument("--videos", type=int, default=3000)
    options = parser.parse_args()
    print(write_corpus(options.folder, options.videos))


if __name__ == "__main__":
    main()
