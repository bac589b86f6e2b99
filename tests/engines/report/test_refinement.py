"""The page of a refinement: curves over passes, with intervals and the harm control."""

from pathlib import Path
from typing import Any

from data.runs.refined_table import REFINED
from data.store.storage import Store
from engines.report.curves import build_curves
from engines.report.html import render_template
from engines.report.refinement import build_refinement_page


def figure(name: str, number: int, value: float, **more: Any) -> dict[str, Any]:
    empty = {"difference": None, "low": None, "high": None, "group": None, "n": 9}
    given = {"name": name, "number": number, "value": value, "label": name, "better": "lower"}
    return empty | given | more


FIGURES = [
    figure("fd_x", 0, 10.0),
    figure("fd_x", 1, 6.0, difference=-4.0, low=-5.0, high=-3.0),
    figure("fd_x", 2, 9.0, difference=-1.0, low=-3.0, high=1.0),
    figure("fd_x_control", 0, 2.0),
    figure("fd_x_control", 2, 4.0),
    figure("fd_x", 0, 30.0, group="PoleVault"),
]


def test_a_curve_has_its_intervals_and_its_control() -> None:
    (curve,) = build_curves([each for each in FIGURES if each["group"] is None])
    assert [p.number for p in curve.points] == [0, 1, 2]
    assert curve.points[0].y < curve.points[2].y < curve.points[1].y  # the top is the largest
    first, second, third = curve.points
    assert first.bar.at is None and second.apart and not third.apart and not first.apart
    # Intervals are drawn as those of an experiment, on one scale that has zero.
    assert second.bar.low < second.bar.at < second.bar.high < second.bar.zero == third.bar.zero
    assert third.bar.low < third.bar.zero < third.bar.high
    assert (second.difference, second.ends, first.ends) == ("−4", "−5 to −3", "")
    assert [p.number for p in curve.control] == [0, 2]
    assert curve.control[0].x == curve.points[0].x


def test_the_page_shows_every_pass_and_why_one_is_missing(tmp_path: Path) -> None:
    empty = dict.fromkeys(REFINED.names)
    row = empty | {"target": "<b>", "number": 0, "view": "media/a.mp4", "width": 8, "height": 6}
    failed = empty | {"target": "<b>", "number": 2, "reason": "rejected", "detail": "too dark"}
    record = {
        "refinement": "abc", "source": "run", "made": "2026-01-31T02:00:00+00:00",
        "spec": {"refiner": "unet", "iterations": [2], "corruption": None, "window": 16,
                 "overlap": 4, "seed": 0},
    }  # fmt: skip
    summary = {"figures": FIGURES, "real": "films", "notes": ["few clips"]}
    store = Store(str(tmp_path / "store"))
    page = tmp_path / "store" / "refinements" / "abc" / "report.html"
    shown = build_refinement_page(store, record, summary, [row, failed], page)
    html = render_template("refinement.html", shown)
    assert "rejected: too dark" in html and "media/a.mp4" in html and "few clips" in html
    assert "<b>" not in html.replace("<b class", "") and "PoleVault" in html
    assert html.count('aria-label="the interval below zero"') == 1
    assert shown.shape == "8 / 6" and [f.value for f in shown.figures] == ["10", "9"]
