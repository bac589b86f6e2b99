"""The media of the leaderboard's page: each clip's real video and image, and every method's video.

Rows come from the caller; the store and the benchmark's folder are only asked where files are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.runs.benchmark import is_clip_name
from data.runs.evaluations import Leak, Summary
from data.store.storage import Store
from engines.report.html import link_media, link_uri
from engines.report.leaderboard.table import Column
from engines.report.leaderboard.trials import Clip, Trial, VideoScore, mark_best

Row = Mapping[str, Any]  # of tables.EVALUATED or tables.MEASURES
REAL_VIDEOS = ("ground_truth.mp4", "video.mp4")  # in the folder of a clip


@dataclass
class ClipGallery:
    """The clips of evaluations as a page at `page` plays them, scored by `columns`.

    `data` is a folder of the benchmark, with a folder for each clip.
    """

    store: Store
    page: Path
    columns: Mapping[str, Column]
    data: str | None = None
    _clips: dict[tuple[str, ...], Clip] = field(default_factory=dict, init=False)

    def add_evaluation(
        self, summary: Summary, videos: Iterable[Row], scores: Iterable[Row],
        leaked: Mapping[str, Sequence[str]], changed: Collection[str] = (),
    ) -> None:  # fmt: skip
        """Adds an evaluation's videos to their clips.

        `leaked` names, by video, the leaked videos that conditioned it. Those that have `changed`
        are shown without the scores and counts of the video that was measured.
        """
        by_video: dict[str, list[Row]] = {}
        for score in scores:
            by_video.setdefault(score["id"], []).append(score)
        leaks = _group_leaks(summary.leaks or ())
        for row in videos:
            # Evaluations may give a clip different prompts: these are not compared side by side.
            key = row["clip"], row["prompt"] or "", summary.mode or ""
            clip = self._clips.get(key) or self._build_clip(
                row, summary, leaks.get(row["clip"], ())
            )
            trial = self._build_trial(row, by_video.get(row["id"], ()), summary.evaluation)
            trial = replace(trial, leaked=tuple(leaked.get(row["id"], ())))
            if row["id"] in changed:
                trial = replace(trial, changed=True, scores=(), about="", failed=None)
            self._clips[key] = replace(clip, trials=(*clip.trials, trial))

    def sort_clips(self, methods: Sequence[tuple[str, str]]) -> list[Clip]:
        """Returns the clips by name, each with its trials in the order of `methods`.

        `methods` are pairs of an evaluation and a method.
        """
        # As ranked in the tables, so that rows of videos follow them.
        place = {method: number for number, method in enumerate(methods)}

        def rank(trial: Trial) -> int:
            return place[trial.evaluation, trial.method]

        return [
            replace(clip, trials=tuple(sorted(mark_best(clip.trials), key=rank)))
            for _, clip in sorted(self._clips.items())
        ]

    def _build_clip(self, row: Row, summary: Summary, leaks: tuple[str, ...]) -> Clip:
        name, parent = row["clip"], Path(row["uri"]).parent
        clip = Clip(name, row["prompt"] or name, summary.mode, leaks=leaks)
        # A clip's name comes from a table: "../.." must not lead to files outside the folder.
        if not is_clip_name(name):
            return clip
        folders = [Path(self.data, name)] if self.data else []
        for folder in [*folders, *([parent] if parent.name == name else [])]:
            real = clip.real or self._link_first([folder / name for name in REAL_VIDEOS])
            image = clip.image or self._link_first(_list_images(folder, summary.mode))
            clip = replace(clip, real=real, image=image)
        return clip

    def _link_first(self, files: Iterable[Path]) -> str | None:
        """Returns the link to the first file that exists."""
        return next((self._link_video(str(file)) for file in files if file.is_file()), None)

    def _build_trial(self, row: Row, scores: Sequence[Row], evaluation: str) -> Trial:
        about = ""
        if row["frames"]:
            about = f"{row['width']} × {row['height']}, {row['frames']} frame"
            about += "" if row["frames"] == 1 else "s"
        failed = f"{row['reason']}: {row['detail']}" if row["reason"] else None
        # Undecodable files are linked all the same: a browser may show what is wrong.
        src = None if row["reason"] == "missing" else self._link_video(row["uri"])
        return Trial(
            row["method"], evaluation, src, tuple(self._build_scores(scores)), about, failed
        )

    def _build_scores(self, rows: Sequence[Row]) -> Iterator[VideoScore]:
        """Yields a video's scores in the order of the columns."""
        whole = {row["metric"]: row for row in rows if row["subject"] is None}
        for metric, column in self.columns.items():
            if row := whole.get(metric):
                parts = (_format_part(each) for each in rows if each["metric"] == metric)
                line = " · ".join(part for part in parts if part)
                yield VideoScore(column, row["value"], row["reason"], line)

    def _link_video(self, uri: str) -> str | None:
        name = _store_name(self.store, uri)
        if name is not None and self.store.exists(name):
            return link_media(self.store, name, self.page)
        return link_uri(uri, self.page)


def _list_images(folder: Path, mode: str | None) -> list[Path]:
    """Lists candidates for the image that conditions videos of a clip, best first."""
    faces = sorted(folder.glob("*.face.frame?.png"))
    images = faces if mode == "face" else sorted({*folder.glob("*.frame?.png")} - {*faces})
    # Cut-outs are from different frames of the clip: the middle one stands for them.
    return [folder / "conditioning.jpg", *images[len(images) // 2 :]]


def _store_name(store: Store, uri: str) -> str | None:
    """Returns the file's name in the store; None if it is somewhere else."""
    root = store.path("")
    return uri.removeprefix(root) if uri.startswith(root) else None


def _format_part(row: Row) -> str | None:
    if row["subject"] is None:
        return None
    value = "–" if row["value"] is None else f"{row['value']:.3f}"
    return f"{row['subject']} {value}" + (f" ({row['reason']})" if row["reason"] else "")


def _group_leaks(leaks: Sequence[Leak]) -> dict[str, tuple[str, ...]]:
    by_clip: dict[str, tuple[str, ...]] = {}
    for leak in leaks:
        how = "exact" if leak.kind == "exact" else f"{leak.similarity:.3f}"
        by_clip[leak.clip] = (*by_clip.get(leak.clip, ()), f"{leak.video_id} ({how})")
    return by_clip
