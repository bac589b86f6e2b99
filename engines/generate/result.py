"""A generated video: its file, and the clips that it was made from."""

from dataclasses import dataclass, field

from data.records import UsedClip


@dataclass(frozen=True, slots=True)
class SkippedClip:
    """A retrieved clip that could not be used; `detail` says why."""

    video_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class GeneratedVideo:
    """The bytes of an mp4 file, its frames and their size in pixels, and the clips behind it.

    `cache_use` counts what was computed and what caches had; a batch's are in its first video.
    """

    video: bytes
    frames: int
    width: int
    height: int
    seconds: float
    used: tuple[UsedClip, ...] = ()
    image: str | None = None  # the request's own first frame, if the model started from it
    clips: int = 0  # how many were there to be used
    left_out: tuple[SkippedClip, ...] = ()  # recorded as the video's note
    cache_use: dict[str, int] = field(default_factory=dict)
