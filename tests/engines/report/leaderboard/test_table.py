"""Ranking: by any column, in the direction that is good, with the best of each marked."""

from dataclasses import replace

import pytest

from data.errors import UserError
from data.runs.evaluations import Mean, MethodResult, Summary
from data.runs.published import ACTION, MOTION, read_published_tables
from engines.report.leaderboard.board import build_board
from engines.report.leaderboard.notes import Measured
from engines.report.leaderboard.table import (
    Cell,
    Column,
    Entry,
    Table,
    build_table,
    check_sort,
    published_columns,
    published_entries,
)

LIKE, APART = Column("temporal_consistency", "T-Cons"), Column("fd_pixels", "FD", "lower")


def entry(method: str, like: float | None, apart: float | None) -> Entry:
    return Entry(method, {LIKE.metric: Cell(like), APART.metric: Cell(apart)})


ENTRIES = [entry("a", 0.5, 9.0), entry("b", 0.9, None), entry("c", None, 3.0), entry("d", 0.7, 5.0)]


def ranked(sort: str | None) -> list[str]:
    return [each.method for each in build_table("t", None, ENTRIES, [APART, LIKE], sort).entries]


def test_rows_are_ranked_in_the_good_direction_and_those_without_a_value_come_last() -> None:
    assert ranked(None) == ranked("T-Cons") == ranked("temporal_consistency") == list("bdac")
    assert ranked("fd") == ranked("fd_pixels") == list("cdab")


def test_the_best_of_a_column_is_the_highest_or_the_lowest() -> None:
    made = build_table("t", None, ENTRIES, [LIKE, APART])
    best = {c.metric: [e.method for e in made.entries if made.is_best(c.metric, e)]
            for c in made.columns}  # fmt: skip
    assert best == {"temporal_consistency": ["b"], "fd_pixels": ["c"]}


def test_values_that_look_the_same_are_both_the_best_and_one_alone_is_not() -> None:
    near = [entry("a", 0.90012, None), entry("b", 0.90041, 2.0), entry("c", 0.8, None)]
    made = build_table("t", None, near, [LIKE, APART])
    assert [made.is_best(LIKE.metric, each) for each in made.entries] == [True, True, False]
    assert not any(made.is_best(APART.metric, each) for each in made.entries)


def test_columns_are_in_the_benchmarks_order_and_others_after_them() -> None:
    names = ["moving_shapes", "temporal_consistency", "arcface_similarity", "text_clip_similarity"]
    made = build_table("t", None, [], [Column(name, name) for name in names])
    assert [column.metric for column in made.columns] == [names[3], names[2], names[1], names[0]]


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"Vid-S.*temporal_consistency \(T-Cons\)"):
        check_sort("Vid-S", [LIKE])
    check_sort("t-cons", [LIKE])
    check_sort(None, [])


def test_published_rows_keep_their_settings_and_dashes() -> None:
    said = read_published_tables("subject")[0]
    made = build_table(
        said.title, "subject", published_entries(said), published_columns(said), "Text-S"
    )
    assert [each.method for each in made.entries][:2] == ["Video Alchemist", "DreamVideo"]
    elite = next(each for each in made.entries if each.method == "ELITE")
    assert elite.cell("dynamic_degree").text == "–" and elite.cell("nothing").text == "–"
    assert (elite.size, elite.frames, elite.references) == ("512x512", 1, "1 image")
    assert elite.background is False and elite.evaluation is None


def test_a_value_has_three_decimals() -> None:
    assert Cell(0.61749).text == "0.617" and Cell().text == "–"
    assert replace(Table("t", None, (), (), ""), title="u").title == "u"


def test_motions_published_table_goes_with_evaluations_by_its_metric() -> None:
    [published] = read_published_tables(MOTION)
    columns = {column.metric: column.better for column in published_columns(published)}
    assert columns == {"action_score": "higher", "dino_similarity": "higher", "fvd": "lower",
                       "seconds": "lower"}  # fmt: skip

    def list_titles(metric: str) -> list[str]:
        mean = Mean(metric, metric, "higher", 1, 0, 50.0, 40.0, 60.0)
        methods = (MethodResult("mine", 1, 0, 0, (mean,), {}),)
        ours = Summary("0123456789ab", "now", "s", None, None, {}, {}, {}, methods)
        measured = {ours.evaluation: Measured({("mine", metric): frozenset("a")}, {})}
        return [table.title for table in build_board([ours], measured).tables]

    first, last = list_titles(ACTION)
    assert first == "No benchmark" and "Motion" in last
    assert list_titles("temporal_consistency") == ["No benchmark"]
