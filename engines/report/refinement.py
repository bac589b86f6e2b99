"""The page of a refinement: a curve of each figure over the passes, and every video's passes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from data.store import layout
from data.store.storage import Store
from engines.report.html import Figure, format_time, link_media

Row = Mapping[str, Any]
WIDTH, HEIGHT, EDGE = 260.0, 120.0, 14.0  # of a chart, and its margin, in SVG units
FIRST = ("psnr_start", "laplacian_ratio", "flicker")  # at the top, after the distances


@dataclass(frozen=True, slots=True)
class Point:
    """A figure after a number of passes: where it is drawn, and its value as text.

    `low` and `high` are where its interval ends; None without one.
    """

    number: int
    x: float
    y: float
    low: float | None
    high: float | None
    value: str
    difference: str
    apart: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure over the passes; `control` is the same of refined real videos, if there is one."""

    label: str
    better: str | None
    points: list[Point]
    control: list[Point] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The points as SVG's `polyline` has them."""
        return " ".join(f"{p.x},{p.y}" for p in self.points)

    @property
    def control_path(self) -> str:
        return " ".join(f"{p.x},{p.y}" for p in self.control)


@dataclass(frozen=True, slots=True)
class PassView:
    """One pass of one video: its file, and what is said under it."""

    label: str
    src: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClipView:
    """A video with its passes, and how much the last one changed it, by which they are sorted."""

    id: str
    text: str
    passes: list[PassView]
    drift: float | None


@dataclass(frozen=True, slots=True)
class RefinementPage:
    """The values that refinement.html shows."""

    title: str
    lead: str
    about: Mapping[str, str]
    figures: list[Figure]
    curves: list[Curve]
    clips: list[ClipView]
    notes: Sequence[str]
    classes: list[Row]
    shape: str


def build_refinement_page(
    store: Store, record: Mapping[str, Any], summary: Mapping[str, Any], rows: Sequence[Row],
    page: Path,
) -> RefinementPage:  # fmt: skip
    """Builds the page of a refinement from its record, its summary and the rows of its passes."""
    spec, done = record["spec"], [row for row in rows if row["reason"] is None]
    figures: list[Row] = summary["figures"]
    overall = [each for each in figures if each["group"] is None]
    about = {
        "refinement": record["refinement"], "source": record["source"],
        "made": format_time(record["made"]), "real": summary["real"] or "none given",
        "corruption": spec["corruption"] or "none",
        "windows": f"{spec['window']} frames, {spec['overlap']} shared",
        "seed": str(spec["seed"]),
    }  # fmt: skip
    size = done[0] if done else {"width": 1, "height": 1}
    numbers = [0, *spec["iterations"]]
    lead = (
        f"{len({row['target'] for row in rows}):,} videos after "
        f"{', '.join(map(str, numbers[1:]))} passes of {spec['refiner']}, beside the videos as"
        " they were given. Figures are of frames before any codec."
    )
    return RefinementPage(
        f"Refined by {spec['refiner']}", lead, about, _build_head(overall, numbers[-1]),
        build_curves(overall), _build_clips(store, record["refinement"], rows, page),
        summary["notes"], [each for each in figures if each["group"]],
        f"{size['width']} / {size['height']}",
    )  # fmt: skip


def build_curves(figures: Sequence[Row]) -> list[Curve]:
    """A curve of each figure, in their order; a control is drawn with what it is the control of."""
    by_name: dict[str, list[Row]] = {}
    for each in figures:
        by_name.setdefault(each["name"], []).append(each)
    curves = []
    for name, rows in by_name.items():
        if name.endswith("_control"):
            continue
        control = by_name.get(f"{name}_control", [])
        scale = _Scale([*rows, *control])
        curves.append(Curve(
            rows[0]["label"], rows[0]["better"], scale.place(rows), scale.place(control)
        ))  # fmt: skip
    return curves


class _Scale:
    """Where values are drawn: passes evenly from left to right, all values from top to bottom."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._numbers = sorted({row["number"] for row in rows} | {0})
        ends = [value for row in rows for value in _list_ends(row)]
        self._least, self._most = min(ends), max(ends)

    def place(self, rows: Sequence[Row]) -> list[Point]:
        return [self._place_row(row) for row in rows]

    def _place_row(self, row: Row) -> Point:
        low, high = _find_interval(row)
        apart = row["low"] is not None and (row["low"] > 0 or row["high"] < 0)
        return Point(
            row["number"], self._to_x(row["number"]), self._to_y(row["value"]),
            None if low is None else self._to_y(low), None if high is None else self._to_y(high),
            format_value(row["value"]), describe_difference(row), apart,
        )  # fmt: skip

    def _to_x(self, number: int) -> float:
        last = max(1, len(self._numbers) - 1)
        share = self._numbers.index(number) / last
        return round(EDGE + (WIDTH - 2 * EDGE) * share, 1)

    def _to_y(self, value: float) -> float:
        width = self._most - self._least
        share = (value - self._least) / width if width else 0.5
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share, 1)


def _find_interval(row: Row) -> tuple[float | None, float | None]:
    """The value's interval: that of its difference, around the value of pass 0."""
    if row["low"] is None:
        return None, None
    start = row["value"] - row["difference"]
    return start + row["low"], start + row["high"]


def _list_ends(row: Row) -> list[float]:
    return [row["value"], *(end for end in _find_interval(row) if end is not None)]


def format_value(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}".replace("-", "−")


def describe_difference(row: Row) -> str:
    """A difference to pass 0 with its interval, as "−0.12 (−0.2 to −0.04)"; "" for pass 0."""
    if row["difference"] is None:
        return ""
    text = f"{row['difference']:+.3g}"
    if row["low"] is not None:
        text += f" ({row['low']:+.3g} to {row['high']:+.3g})"
    return text.replace("-", "−")


def _build_head(figures: Sequence[Row], last: int) -> list[Figure]:
    """The first distance before and after, and what the passes cost in detail and motion."""
    names = list(dict.fromkeys(each["name"] for each in figures))
    distances = [n for n in names if n.startswith(("fd_", "fvd")) and not n.endswith("_control")]
    shown = []
    for name in (*distances[:1], *FIRST):
        for each in figures:
            if each["name"] == name and each["number"] in ({0, last} if name in distances else
                                                           {last}):  # fmt: skip
                when = "as given" if each["number"] == 0 else f"pass {last}"
                note = describe_difference(each)
                shown.append(Figure(f"{each['label']}, {when}", format_value(each["value"]),
                                    note=note))  # fmt: skip
    return shown


def _build_clips(store: Store, name: str, rows: Iterable[Row], page: Path) -> list[ClipView]:
    folder = layout.refinement_folder(name)
    clips = []
    for target, group in groupby(rows, key=lambda row: row["target"]):
        passes = list(group)
        last = passes[-1]
        views = [_build_pass(store, folder, row, page) for row in passes]
        clips.append(ClipView(target, last["prompt"] or target, views, last["psnr_start"]))
    return clips


def _build_pass(store: Store, folder: str, row: Row, page: Path) -> PassView:
    label = f"pass {row['number']}" if row["number"] else "as given"
    if row["reason"]:
        return PassView(label, None, (f"{row['reason']}: {row['detail']}",))
    notes = []
    if row["psnr_start"] is not None:
        notes.append(f"{row['psnr_start']:.1f} dB, SSIM {row['ssim_start']:.3f}")
        notes.append(f"detail {row['laplacian_ratio']:.0%}")
    if row["stopped"]:
        notes.append(f"stopped after pass {row['stopped']}")
    return PassView(label, link_media(store, f"{folder}/{row['view']}", page), tuple(notes))
