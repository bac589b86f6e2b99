"""The page of answers under several conditions: a table, and each question with its moments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.runs.answers import Answer, Evidence
from data.runs.questions import Question
from data.timecode import format_seconds
from engines.evaluate.answers.verdicts import Verdict
from engines.report.html import Figure, format_time, link_uri

MOMENTS = 2  # of an answer: the best texts, or frames where it had no texts
AROUND_S, LONGEST_S = 1.0, 12.0  # played around a moment, and of it at most

Row = Mapping[str, Any]  # a result of the experiment's record


@dataclass(frozen=True, slots=True)
class TextTrials:
    """A run's verdicts, and its answers by question."""

    verdicts: Sequence[Verdict]
    answers: Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class Moment:
    """A text or a frame that an answer went by, and how to play it."""

    label: str
    text: str
    src: str | None
    window: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was answered under a condition, and the moments that the answer cites."""

    condition: str
    letter: str | None
    text: str
    right: bool
    why: str
    moments: list[Moment]


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question with its options and its answer under each condition; `gain` over no texts."""

    id: str
    text: str
    about: str
    options: list[tuple[str, str, bool]]
    choices: list[Choice]
    gain: int


@dataclass(frozen=True, slots=True)
class AnswersPage:
    """The values that answers.html shows."""

    title: str
    lead: str
    about: Mapping[str, str]
    figures: list[Figure]
    columns: list[tuple[str, int]]
    table: list[tuple[str, list[Row | None]]]
    questions: list[AskedQuestion]
    shape: str = "1 / 1"


def build_answers_page(
    record: Mapping[str, Any], trials: Mapping[str, TextTrials], uris: Mapping[str, str], page: Path
) -> AnswersPage:
    """Builds the page of an experiment with texts from its record and the runs it compares."""
    results: list[Row] = record["results"]
    by_place = {(r["condition"], r["group"], r["name"]): r for r in results}
    columns = list(dict.fromkeys((r["group"], r["name"]) for r in results))
    baseline = next(iter(trials))
    sizes = [by_place[baseline, group, name]["questions"] for group, name in columns]
    table = [(name, [by_place.get((name, *column)) for column in columns]) for name in trials]
    questions = [_build_question(n, trials, uris, page)
                 for n in range(len(trials[baseline].verdicts))]  # fmt: skip
    model = record["spec"]["model"]
    lead = (
        f"{len(questions):,} questions about {record['corpus']}, answered by {model} from the same"
        " frames under each condition. Differences are to answers without texts."
    )
    about = {
        "experiment": record["experiment"], "questions": record["questions"], "model": model,
        "made": format_time(record["made"]),
    }  # fmt: skip
    heads = [(name, size) for (_, name), size in zip(columns, sizes, strict=True)]
    return AnswersPage(
        "Do texts help?", lead, about, _build_figures(table), heads, table, questions
    )


def _build_figures(table: Sequence[tuple[str, list[Row | None]]]) -> list[Figure]:
    return [
        Figure(name, f"{row['share']:.1%}", note=describe_change(row) if number else "")
        for number, (name, rows) in enumerate(table)
        if (row := rows[0]) is not None
    ]


def describe_change(row: Row) -> str:
    """A difference with its interval in percentage points, as "+12.0 (+8.1 to +15.9)"."""
    values = [row["difference"], row["low"], row["high"]]
    change, *ends = (None if v is None else f"{100 * v:+.1f}".replace("-", "−") for v in values)
    return f"{change} ({ends[0]} to {ends[1]})" if None not in ends else str(change)


def _build_question(
    number: int, trials: Mapping[str, TextTrials], uris: Mapping[str, str], page: Path
) -> AskedQuestion:
    verdicts = {name: each.verdicts[number] for name, each in trials.items()}
    first = next(iter(verdicts.values()))
    question, right = first.question, [verdict.right for verdict in verdicts.values()]
    choices = [
        _build_choice(name, verdict, trials[name].answers.get(question.id), uris, page)
        for name, verdict in verdicts.items()
    ]
    fields = (question.video, question.task_type, question.duration_group)
    options = [
        (letter, option, letter == question.gold)
        for letter, option in zip(question.letters, question.options, strict=False)
    ]
    # The control comes last; what texts add is seen in the condition before it.
    helped = right[-2] if len(right) > 1 else right[0]
    about = " · ".join(each for each in fields if each)
    return AskedQuestion(question.id, question.text, about, options, choices, helped - right[0])


def _build_choice(
    name: str, verdict: Verdict, answer: Answer | None, uris: Mapping[str, str], page: Path
) -> Choice:
    evidence = answer.evidence if answer else ()
    # Texts before frames, whose scores are cosines of another encoder.
    best = sorted(evidence, key=lambda each: (each.kind == "frame", -(each.score or 0.0)))
    moments = [_build_moment(each, uris, page) for each in best[:MOMENTS]]
    text = _find_option(verdict.question, verdict.given)
    return Choice(name, verdict.given, text, verdict.right, verdict.why, moments)


def _find_option(question: Question, letter: str | None) -> str:
    return dict(zip(question.letters, question.options, strict=False)).get(letter or "", "")


def _build_moment(evidence: Evidence, uris: Mapping[str, str], page: Path) -> Moment:
    start = max(0.0, evidence.start - AROUND_S)
    end = min(max(evidence.end, evidence.start) + AROUND_S, start + LONGEST_S)
    uri = uris.get(evidence.video, "")
    label = f"{evidence.kind} at {format_seconds(evidence.start)} of {evidence.video}"
    return Moment(label, evidence.text, link_uri(uri, page) if uri else None, (start, end))
