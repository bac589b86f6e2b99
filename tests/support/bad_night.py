"""A source as nights meet it: mostly good clips, and one bad row of each kind."""

import csv
from pathlib import Path

from support import golden

GOOD = 30


def write_bad_table(folder: Path) -> Path:
    """A table of small clips in the folder, among them files and addresses that are none."""
    folder.mkdir(parents=True, exist_ok=True)
    golden.clip(folder / "good.mp4", frames=25)
    whole = (folder / "good.mp4").read_bytes()
    files = {f"clip-{n:02d}": _write(folder / f"clip-{n:02d}.mp4", whole + bytes([n]))
             for n in range(GOOD)}  # fmt: skip
    files |= {
        "nothing in it": _write(folder / "empty.mp4", b""),
        "cut off": _write(folder / "cut.mp4", whole[: len(whole) // 2]),
        "text": _write(folder / "text.mp4", b"this was to be a clip\n" * 40),
        "a picture": _write(folder / "picture.mp4", b"\x89PNG\r\n\x1a\n" + bytes(200)),
        "not there": str(folder / "gone.mp4"),
        "a folder": str(folder),
        "no such host": "https://videos.invalid/clip.mp4",
        "a private host": "http://10.1.2.3/clip.mp4",
        "a bucket without its library": "gs://bucket/clip.mp4",
        "no scheme that there is": "gopher://videos.invalid/clip.mp4",
    }
    table = folder / "night.csv"
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("videoID", "videoLoc", "txt"))
        rows.writerows((id, location, f"a clip: {id}") for id, location in files.items())
    return table


def _write(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    return str(file)
