"""The page of a generation run: every prompt, its videos, and the clips that conditioned them."""

import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from data.records import Source, UsedClip
from data.runs.generations import Run
from data.store.storage import Store
from engines.files.urls import is_url
from engines.report.html import Figure, link_media, link_uri

Row = Mapping[str, Any]  # of tables.GENERATIONS
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif"}  # that browsers show


@dataclass(frozen=True, slots=True)
class ConditioningClip:
    """A retrieved clip and the window of it (seconds) that conditioned a prompt's videos.

    `src` is None if a browser cannot reach the clip, or must not because it is withdrawn;
    `provenance` is the command that lists all videos that the clip influenced, `others` the
    number of other prompts of this run among them.
    """

    used: UsedClip
    src: str | None
    window: tuple[float, float]
    provenance: str
    others: int = 0
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class GeneratedVideo:
    """A generated video, or the reason why it is missing (`src` is None)."""

    seed: int
    src: str | None
    reason: str | None = None
    detail: str | None = None
    note: str | None = None
    sha256: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PromptResult:
    """A prompt, its generated videos, and the clips that conditioned them, best first.

    `image` is the address of the picture that the videos start from, where a browser can show it.
    """

    id: str
    text: str
    videos: list[GeneratedVideo]
    clips: list[ConditioningClip]
    image: str | None = None

    @property
    def failures(self) -> int:
        """How many of the prompt's videos are missing."""
        return sum(video.src is None for video in self.videos)

    @property
    def best_score(self) -> float | None:
        """The retrieval score of the best clip."""
        return max((clip.used.source.score for clip in self.clips), default=None)

    @property
    def has_weights(self) -> bool:
        """Whether the clips have different weights, so that these are worth showing."""
        return len({clip.used.weight for clip in self.clips}) > 1


@dataclass(frozen=True, slots=True)
class GenerationPage:
    """The values that generation.html shows; `shape` is the videos' aspect ratio in CSS."""

    title: str
    lead: str
    prompts: list[PromptResult]
    about: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    shape: str = "16 / 9"
    sheet: str | None = None

    @property
    def failures(self) -> int:
        """How many prompts lack a video."""
        return sum(prompt.failures > 0 for prompt in self.prompts)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run seen from its page: links to its files; `withdrawn` contents are not linked.

    `link_clip` gives the address of a clip by its id and URI, where a server shows the page: a
    browser reads no file beside it there.
    """

    store: Store
    run: Run
    page: Path
    withdrawn: Collection[str] = ()
    link_clip: Callable[[str, str], str | None] | None = None

    def group_prompts(self, rows: Iterable[Row]) -> list[PromptResult]:
        """Groups the run's rows by prompt, in the order of the rows."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(row["prompt_id"], []).append(row)
        # Counted once per prompt, however many of its samples used the clip.
        uses = Counter(id for samples in groups.values() for id in _clip_ids(samples))
        return [
            PromptResult(
                id, samples[0]["prompt"],
                [self._build_video(row) for row in samples],
                [self._build_clip(hit, uses) for hit in _merge_hits(samples)],
                self._link_image(samples[0].get("image")),
            )
            for id, samples in groups.items()
        ]  # fmt: skip

    def _link_image(self, image: str | None) -> str | None:
        # The first frame of a video is no picture that a browser could show.
        if not image or Path(urlsplit(image).path).suffix.lower() not in PICTURES:
            return None
        # Where a server shows the page, only a picture of the web can be reached.
        if self.link_clip is not None and not is_url(image):
            return None
        return link_uri(image, self.page)

    def _build_video(self, row: Row) -> GeneratedVideo:
        file = f"{self.run.folder}/{row['file']}"
        reason, detail = row["reason"], row["detail"]
        # Files may be deleted after the receipt was written: the page must not link to nothing.
        if reason is None and not self.store.exists(file):
            reason, detail = "missing", "the file is gone: run `reelflow generate` again"
        src = link_media(self.store, file, self.page) if reason is None else None
        return GeneratedVideo(
            row["seed"], src, reason, detail, row["note"], row["sha256"], row["seconds"]
        )

    def _build_clip(self, hit: Row, uses: Counter[str]) -> ConditioningClip:
        fields = ("rank", "video_id", "content", "score", "uri", "caption")
        used = UsedClip(Source(*(hit[name] for name in fields)), hit["start_s"], hit["weight"])
        # A window has as many frames as the video, at the video's rate (ragme.md).
        end = used.start_s + self.run.spec.frames / self.run.spec.fps
        withdrawn, id = hit["content"] in self.withdrawn, hit["video_id"]
        link = self.link_clip or (lambda _, uri: link_uri(uri, self.page))
        return ConditioningClip(
            used, None if withdrawn else link(id, hit["uri"]),
            (round(used.start_s, 3), round(end, 3)),
            self._provenance_command(id), uses[id] - 1, withdrawn,
        )  # fmt: skip

    def _provenance_command(self, id: str) -> str:
        # Ids are file names of users: one may begin like an option.
        separator = ["--"] if id.startswith("-") else []
        return shlex.join(["reelflow", "provenance", "--corpus", self.run.corpus, *separator, id])


def _clip_ids(rows: Iterable[Row]) -> set[str]:
    return {hit["video_id"] for row in rows for hit in row["hits"] or ()}


def _merge_hits(rows: Iterable[Row]) -> list[Row]:
    """Returns the clips of a prompt's samples, each window once, best first."""
    # Samples of a prompt share their hits: shown once each.
    hits = {(hit["rank"], hit["video_id"]): hit for row in rows for hit in row["hits"] or ()}
    return [hits[key] for key in sorted(hits)]
