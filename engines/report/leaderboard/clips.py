"""What the leaderboard's page plays, and from where: real videos, images, and every method's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.runs.benchmark import is_name
from data.runs.evaluations import Leak, Summary, scores, videos
from data.runs.generations import run_of
from data.store import layout
from data.store.storage import Store
from data.workspace import Workspace
from engines.report.html import own, source
from engines.report.leaderboard.table import Column
from engines.report.leaderboard.trials import Clip, Scored, Trial, marked
from tasks.retrieve.leaks import conditioned

Row = Mapping[str, Any]
REAL = ("ground_truth.mp4", "video.mp4")  # in the folder of a clip


@dataclass
class Clips:
    """The clips of evaluations as a page at `page` plays them, by what `columns` say of scores.

    `data` is a folder of the benchmark, with a folder for each clip.
    """

    workspace: Workspace
    page: Path
    columns: Mapping[str, Column]
    data: str | None = None
    _found: dict[tuple[str, ...], Clip] = field(default_factory=dict, init=False)

    def add(self, summary: Summary) -> None:
        """Adds the videos of an evaluation to the clips that they are of."""
        store, leaks = self.workspace.store, _by_clip(summary.leaks or ())
        tainted = _conditioned(self.workspace, summary)
        measured: dict[str, list[Row]] = {}
        for row in scores(store, summary.evaluation):
            measured.setdefault(row["id"], []).append(row)
        for row in videos(store, summary.evaluation):
            key = row["clip"], row["prompt"] or "", summary.mode or ""
            clip = self._found.get(key) or self._clip(row, summary, leaks.get(row["clip"], ()))
            trial = self._trial(row, measured.get(row["id"], ()), summary.evaluation)
            trial = replace(trial, leaked=tuple(tainted.get(row["id"], ())))
            self._found[key] = replace(clip, trials=(*clip.trials, trial))

    def ordered(self, methods: Sequence[tuple[str, str]]) -> list[Clip]:
        """By name; the trials of each in the order of these evaluations and methods."""
        place = {whose: number for number, whose in enumerate(methods)}
        return [
            replace(
                clip,
                trials=tuple(
                    sorted(marked(clip.trials), key=lambda t: place[t.evaluation, t.method])
                ),
            )
            for _, clip in sorted(self._found.items())
        ]

    def _clip(self, row: Row, summary: Summary, leaks: tuple[str, ...]) -> Clip:
        name, beside = row["clip"], Path(row["uri"]).parent
        clip = Clip(name, row["prompt"] or name, summary.mode, leaks=leaks)
        if not is_name(name):
            return clip
        folders = [Path(self.data, name)] if self.data else []
        for folder in [*folders, *([beside] if beside.name == name else [])]:
            real = clip.real or self._first([folder / name for name in REAL])
            image = clip.image or self._first(_images(folder, summary.mode))
            clip = replace(clip, real=real, image=image)
        return clip

    def _first(self, files: Iterable[Path]) -> str | None:
        """How the page names the first file that is there."""
        return next((self._src(str(file)) for file in files if file.is_file()), None)

    def _trial(self, row: Row, measured: Sequence[Row], evaluation: str) -> Trial:
        about = ""
        if row["frames"]:
            about = f"{row['width']} × {row['height']}, {row['frames']} frame"
            about += "" if row["frames"] == 1 else "s"
        failed = f"{row['reason']}: {row['detail']}" if row["reason"] else None
        src = None if row["reason"] == "missing" else self._src(row["uri"])
        return Trial(row["method"], evaluation, src, tuple(self._scored(measured)), about, failed)

    def _scored(self, rows: Sequence[Row]) -> Iterator[Scored]:
        """The scores of a video in the order of the columns."""
        whole = {row["metric"]: row for row in rows if row["subject"] is None}
        for metric, column in self.columns.items():
            if row := whole.get(metric):
                parts = (_part(each) for each in rows if each["metric"] == metric)
                said = " · ".join(part for part in parts if part)
                yield Scored(column, row["value"], row["reason"], said)

    def _src(self, uri: str) -> str | None:
        name = _name(self.workspace.store, uri)
        if name is not None and self.workspace.store.exists(name):
            return own(self.workspace.store, name, self.page)
        return source(uri, self.page)


def _images(folder: Path, mode: str | None) -> list[Path]:
    """What videos of a clip are conditioned on: an image, or of its cut-outs the middle one."""
    faces = sorted(folder.glob("*.face.frame?.png"))
    there = faces if mode == "face" else sorted({*folder.glob("*.frame?.png")} - {*faces})
    return [folder / "conditioning.jpg", *there[len(there) // 2 :]]


def _name(store: Store, uri: str) -> str | None:
    """The file's name in the store, where it lies there."""
    root = store.path("")
    return uri.removeprefix(root) if uri.startswith(root) else None


def _part(row: Row) -> str | None:
    if row["subject"] is None:
        return None
    value = "–" if row["value"] is None else f"{row['value']:.3f}"
    return f"{row['subject']} {value}" + (f" ({row['reason']})" if row["reason"] else "")


def _by_clip(leaks: Sequence[Leak]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for leak in leaks:
        how = "exact" if leak.kind == "exact" else f"{leak.similarity:.3f}"
        said = f"{leak.video_id} ({how})"
        found[leak.clip] = (*found.get(leak.clip, ()), said)
    return found


def _conditioned(workspace: Workspace, summary: Summary) -> dict[str, list[str]]:
    """By video, the leaked ones that it followed, where a run of ours was evaluated."""
    run = summary.source
    if not summary.leaks or not run.isalnum():
        return {}
    if not workspace.store.exists(layout.spec(layout.generation(run))):
        return {}
    return conditioned(workspace, run_of(workspace.store, run), summary.leaks)
