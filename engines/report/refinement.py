"""The page of a refinement: a curve of each figure over the passes, and every video's passes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from data.store import layout
from data.store.storage import Store
from engines.report.curves import Curve, build_curves, describe_difference, format_value
from engines.report.html import Figure, format_time, link_media

Row = Mapping[str, Any]
FIRST = ("psnr_start", "laplacian_ratio", "flicker")  # at the top, after the distances


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
