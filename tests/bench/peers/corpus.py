"""The clips that every peer gets: real footage at one rate, and one broken file among them."""

from pathlib import Path

from bench import films, footage

FPS = 25  # of every clip, so that every 25th frame is also one a second: peers know one or other
BROKEN = "broken"


def write_clips(out: Path, copies: int) -> list[Path]:
    """So many copies of each real clip, or of drawn ones where there are none; streams as is."""
    folder = out / "peers" / ("clips" if footage.REAL.is_dir() else "drawn")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for copy in range(copies):
        for clip in _find_sources(folder):
            made.append(folder / f"{copy:03d}-{clip.stem}.mp4")
            if not made[-1].exists():
                footage.remux(clip, made[-1], f"copy {copy}", FPS)
    return made


def break_clip(clip: Path, folder: Path) -> Path:
    """A copy of a clip that ends in the middle, as a broken download does."""
    folder.mkdir(parents=True, exist_ok=True)
    target, whole = folder / f"{BROKEN}.mp4", clip.read_bytes()
    target.write_bytes(whole[: len(whole) // 2])
    return target


def _find_sources(folder: Path) -> list[Path]:
    if footage.REAL.is_dir():
        return sorted(footage.REAL.glob("*.mp4"))
    sources = folder / "sources"
    if not sources.is_dir():
        films.write_shape_films(sources, films=8, scenes=5, seed=0)
    return sorted(sources.glob("*.mp4"))
