"""The published tables: whole, as they were printed, and part of what is installed."""

import pytest
from support.paths import REPOSITORY

from data.runs.published import (
    ANSWER_LABELS,
    CLIP_COUNTS,
    LABELS,
    LOWER_IS_BETTER,
    MODES,
    MOTION,
    MOTION_LABELS,
    QUESTION_COUNTS,
    read_published_tables,
)

ROOT = REPOSITORY


def scores(mode: str, title: str) -> dict[str, dict[str, float]]:
    (table,) = [each for each in read_published_tables(mode) if each.title == title]
    return {row.method: row.scores for row in table.rows}


@pytest.mark.parametrize("mode", MODES)
def test_the_benchmarks_own_table_comes_first_and_is_the_only_one(mode: str) -> None:
    tables = read_published_tables(mode)
    assert [table.standard for table in tables] == [True, *[False] * (len(tables) - 1)]
    assert all(table.source and table.rows for table in tables)
    assert CLIP_COUNTS[mode] > 1000


def test_scores_are_as_printed() -> None:
    subject = scores("subject", "one subject image")
    assert list(subject) == ["ELITE", "VideoBooth", "DreamVideo", "Video Alchemist"]
    assert list(subject["VideoBooth"].values()) == [0.222, 0.612, 0.395, 0.448, 0.963]
    assert list(subject["Video Alchemist"].values()) == [0.269, 0.732, 0.617, 0.466, 0.993]
    face = scores("face", "one face crop")
    assert list(face["Magic-Me"].values()) == [0.251, 0.602, 0.135, 0.418, 0.974]
    assert scores("face", "several face crops")["Video Alchemist"]["arcface_similarity"] == 0.411
    ablated = scores("subject", "ablation, at 256 × 144")
    assert ablated["no augmentation"]["subject_dino_similarity"] == 0.609
    assert scores("subject", "user study")["Video Alchemist"]["fidelity_preference"] == 0.981
    other = scores("face", "humans, by another paper")
    assert other["Tora2"] == {
        "text_clip_similarity": 0.274, "video_clip_similarity": 0.702, "arcface_similarity": 0.419,
    }  # fmt: skip


def test_motionrags_table_is_as_its_repository_prints_it() -> None:
    [table] = read_published_tables(MOTION)
    found = {row.method: row.scores for row in table.rows}
    assert found["CogVideoX + MotionRAG"] == {
        "action_score": 65.8, "dino_similarity": 89.4, "fvd": 80.2, "seconds": 63.0,
    }  # fmt: skip
    assert found["DynamiCrafter"]["fvd"] == 88.4 and len(found) == 4
    assert all(set(scores) == set(MOTION_LABELS) for scores in found.values())
    assert set(MOTION_LABELS) > LOWER_IS_BETTER


@pytest.mark.parametrize("benchmark", QUESTION_COUNTS)
def test_answers_say_from_which_texts_they_were_given(benchmark: str) -> None:
    for table in read_published_tables(benchmark):
        assert table.source and all(row.texts for row in table.rows)
        scores = [row.scores for row in table.rows]
        assert all({"overall"} <= set(each) <= set(ANSWER_LABELS) for each in scores)
        assert all(0.3 < value < 0.9 for each in scores for value in each.values())


def test_answers_are_as_printed() -> None:
    [first, *_] = read_published_tables("video-mme")
    rows = {(row.method, row.texts): row for row in first.rows}
    plain, helped = (
        rows["Long-LLaVA 7B", t] for t in ("none", "retrieved: objects, screen, speech")
    )
    assert list(plain.scores.values()) == [0.603, 0.514, 0.441, 0.52] and plain.frames == 32
    assert list(helped.scores.values()) == [0.664, 0.602, 0.598, 0.621]


@pytest.mark.parametrize("mode", MODES)
def test_methods_that_make_images_have_no_score_of_motion(mode: str) -> None:
    for table in read_published_tables(mode):
        for row in table.rows:
            assert row.scores and set(row.scores) <= set(LABELS)
            assert all(0 <= value <= 1 for value in row.scores.values())
            if row.kind == "image, no tuning":
                assert not {"dynamic_degree", "temporal_consistency"} & set(row.scores)


def test_they_are_installed_with_the_package() -> None:
    from hatchling.builders.wheel import WheelBuilder

    shipped = {each.distribution_path for each in WheelBuilder(str(ROOT)).recurse_included_files()}
    files = {
        f"data/runs/published/{path.name}" for path in (ROOT / "data/runs/published").iterdir()
    }
    assert len(files) == 5 and files <= shipped
