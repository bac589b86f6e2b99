"""The page of an experiment: the table of results, and each prompt under every condition."""

from dataclasses import asdict, replace
from os.path import normpath
from pathlib import Path

import pytest
from support.browser import CHROMIUM, opened
from support.generated import SPEC, run_in
from support.pages import COUNT, FIRST, HOSTILE, WIDER, Tags, choose, playing, safe, seen

from data.specs.pipeline import ExperimentSpec, RetrieveSpec
from data.store.storage import Store
from engines.evaluate.paired_difference import compare_conditions
from engines.report.differences import build_bars
from engines.report.experiment import build_experiment_page
from engines.report.html import render_template, write_html
from tasks.evaluate.conditions import list_conditions


class Experiment:
    """Real runs under every condition, scored so that each clip more is right one time more."""

    def __init__(self, folder: Path, prompts: list[str], controllers: list[str]) -> None:
        self.store = Store(str(folder / "store"))
        generate = SPEC.model_copy(update={"retrieve": RetrieveSpec(k=2)})
        self.rows = []
        for condition in list_conditions(controllers, 2):
            spec = condition.build_spec(generate)
            run = run_in(self.store, prompts, [Path("/nowhere/a.mp4")] * 3, spec)
            right = 1 + (0 if condition.shuffled else condition.k)
            said = asdict(condition) | {"condition": condition.name, "run": run.fingerprint}
            for n, text in enumerate(prompts):
                about = said | {"request_id": f"{n:03d}-0", "prompt_id": f"{n:03d}", "prompt": text}
                works = n < right
                why = None if works else f"still instead of {text}"
                self.rows += [
                    about | {"metric": "motion", "value": float(works), "reason": why},
                    about | {"metric": "text_similarity", "value": 0.25, "reason": None},
                ]
        whole = ExperimentSpec(generate=generate, controllers=tuple(controllers))
        self.said = {"experiment": "abcdef012345", "corpus": "c", "made": "2026-01-02",
                     "spec": whole.model_dump()}  # fmt: skip
        self.file = self.store.local_path("experiments/abcdef012345/report.html")

    @property
    def page(self):
        return build_experiment_page(
            self.store, self.said, compare_conditions(self.rows), self.rows, self.file
        )

    @property
    def html(self) -> str:
        return render_template("experiment.html", self.page)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return Experiment(tmp_path, ["up", "down", "left", "right"], ["ragme", "ragme-ordered"])


def test_every_prompt_has_a_video_of_every_condition(experiment: Experiment) -> None:
    videos = Tags(experiment.html).named("video")
    assert len(videos) == 4 * 7
    for video in videos:
        assert Path(normpath(experiment.file.parent / video["data-src"])).is_file()
    labels = [video["aria-label"] for video in videos[:7]]
    assert labels == [f"{name}: up" for name in (
        "k=0", "ragme k=1", "ragme k=2", "ragme shuffled",
        "ragme-ordered k=1", "ragme-ordered k=2", "ragme-ordered shuffled",
    )]  # fmt: skip


def test_scores_are_marks_or_numbers_with_what_went_wrong(experiment: Experiment) -> None:
    html = experiment.html
    assert html.count('class="value yes"') == 1 + 2 * (2 + 3 + 1)
    assert html.count('class="value no"') == 28 - 13
    assert html.count('text similarity <data value="0.25">0.250</data>') == 28
    assert "still instead of right" in html


def test_means_and_differences_are_those_of_the_scores(experiment: Experiment) -> None:
    results = {bar.result.condition: bar.result for bar in dict(experiment.page.tables)["motion"]}
    assert results["k=0"].mean == 0.25
    assert results["ragme k=2"].mean == 0.75 and results["ragme k=2"].difference == 0.5
    html = experiment.html
    assert "+0.500</td>" in html and "0.750" in html and "motion, ragme k=2" in html


def test_fewer_than_eight_prompts_have_no_interval_and_the_page_says_so(
    experiment: Experiment, tmp_path: Path
) -> None:
    bars = [bar for _, bars in experiment.page.tables for bar in bars]
    assert {bar.position for bar in bars} == {"unknown"}
    assert "fewer than 8 prompts have no interval" in experiment.html
    assert 'aria-label="no interval"' in experiment.html and ' clear"' not in experiment.html
    html = Experiment(tmp_path / "eight", list("abcdefgh"), ["ragme"]).html
    assert "no interval" not in html and "+0.250 <small>" in html


def test_intervals_share_a_scale_that_has_zero(experiment: Experiment) -> None:
    for _, drawn in experiment.page.tables:
        results = [
            replace(b.result, low=b.result.difference - 0.1, high=b.result.difference + 0.2)
            for b in drawn
        ]
        bars = build_bars(results)
        assert len({bar.zero for bar in bars}) == 1
        for bar in bars:
            assert 0 <= bar.low <= bar.at <= bar.high <= 100


def test_conditions_without_a_value_of_any_metric_are_left_out_and_the_page_stands(
    experiment: Experiment,
) -> None:
    whole = experiment.rows
    experiment.rows = [
        row | {"value": None} if (row["metric"], row["k"]) == ("motion", 1) else row
        for row in whole
    ]
    assert len(Tags(experiment.html).named("video")) == 4 * 7
    experiment.rows = [row | {"value": None} for row in whole]
    assert experiment.page.results == [] and "motion not measured" not in experiment.html


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(0.1, 0.2, "above zero"), (-0.2, -0.1, "below zero"), (-0.1, 0.1, "includes zero"),
     (0.0, 0.1, "includes zero")],
)  # fmt: skip
def test_an_interval_says_where_it_lies(experiment, low: float, high: float, says: str) -> None:
    result = replace(experiment.page.results[1], low=low, difference=(low + high) / 2, high=high)
    (bar,) = build_bars([result])
    assert bar.position == says
    assert (bar.low > bar.zero) == (low > 0) and (bar.high < bar.zero) == (high < 0)


def test_a_video_that_was_not_made_leaves_its_place_empty(experiment: Experiment) -> None:
    experiment.rows = [row for row in experiment.rows
                       if (row["condition"], row["prompt_id"]) != ("ragme k=1", "002")]  # fmt: skip
    assert experiment.html.count(">no video<") == 1
    assert len(Tags(experiment.html).named("video")) == 27


def test_nothing_that_users_wrote_becomes_markup(tmp_path: Path) -> None:
    assert safe(Experiment(tmp_path, [HOSTILE, "b", "c"], [HOSTILE]).html)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_and_sorts_it(experiment: Experiment, tmp_path: Path, width: int) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    write_html(experiment.file, experiment.html)
    with opened(experiment.file, tmp_path / "profile", width) as tab:
        tab.until(COUNT, bool)
        tab.look("document.querySelector('section').scrollIntoView()")
        clips = playing(tab)
        assert seen(clips) and all(clip["width"] == 64 for clip in seen(clips))
        assert tab.look(FIRST) == "up"
        choose(tab, "sort", "gain")
        assert tab.look(FIRST) == "down"  # clips mend the second prompt and the third
        choose(tab, "sort", "")
        assert tab.look(FIRST) == "up"
        assert tab.look(WIDER) is False
        assert tab.complaints == []
