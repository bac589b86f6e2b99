"""What a generated video comes with: its file, and what it owes to whom."""

from dataclasses import dataclass, field

from data.records import Used


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A retrieved clip that could not be used, and why."""

    video_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Generated:
    """The bytes of an mp4 file, its frames and their size in pixels, and the clips behind it.

    `spared` counts what was made for it and what caches gave; for a batch, in its first video.
    """

    video: bytes
    frames: int
    width: int
    height: int
    seconds: float
    used: tuple[Used, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    spared: dict[str, int] = field(default_factory=dict)
