"""Files of selected videos: a table that can be ingested, prompts, or ids to exclude."""

from pathlib import Path
from typing import Any, Literal

from data.catalog.filter_terms import quote_name

Kind = Literal["table", "prompts", "ids"]
SUFFIXES: dict[str, str] = {"table": ".parquet", "prompts": ".txt", "ids": ".txt"}
NAMES = {"id": "videoID", "uri": "videoLoc", "caption": "txt"}  # as sources have them
# The catalogue's: a copy's kept video need not be in the table.
OURS = ("content", "bytes", "duration", "fps", "width", "height", "codec", "rotation", "note",
        "columns", "duplicate_of", "duplicate_group")  # fmt: skip
BATCH = 10_000


def write_selected(videos: Any, kind: Kind, file: Path) -> int:
    """Writes the videos of a DuckDB relation as a file of this kind; how many rows it has.

    A table has their ids, addresses, captions and their source's own columns: a new corpus can be
    made of it. Prompts are the captions, each once; ids are what `generate --without` reads.
    """
    if kind == "table":
        return _write_table(videos, file)
    column = "caption" if kind == "prompts" else "id"
    texts = videos.filter(f"{column} IS NOT NULL").project(column)
    with file.open("w", encoding="utf-8") as target:
        count, seen = 0, set[str]()
        for batch in texts.to_arrow_reader(BATCH):
            for text in batch.column(0).to_pylist():
                line = " ".join(text.split()) if kind == "prompts" else text
                if line and line not in seen:
                    seen.add(line)
                    target.write(f"{line}\n")
                    count += 1
    return count


def _write_table(videos: Any, file: Path) -> int:
    import pyarrow.parquet as pq

    named = [f"{old} AS {quote_name(new)}" for old, new in NAMES.items()]
    own = [quote_name(name) for name in videos.columns
           if name not in (*NAMES, *NAMES.values(), *OURS)]  # fmt: skip
    reader = videos.project(", ".join(named + own)).to_arrow_reader(BATCH)
    count = 0
    with pq.ParquetWriter(file, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
            count += len(batch)
    return count
