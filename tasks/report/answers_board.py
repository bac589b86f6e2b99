"""Gathers runs of answers for the leaderboard of a benchmark of questions."""

from collections.abc import Iterable, Iterator, Sequence

from data.errors import UserError
from data.runs.answering import list_runs
from data.runs.questions import digest_questions
from data.store.storage import Store
from engines.report.leaderboard.answers import AnsweredRun, build_answers_board
from engines.report.leaderboard.board import Board
from tasks.answer.scoring import judge_run


def read_answers_board(
    store: Store, mode: str, names: Sequence[str] = (), sort: str | None = None
) -> Board:
    """Reads the named runs, or all of the benchmark `mode`, and builds their tables.

    `names` are fingerprints or their first digits. Raises a UserError if a name fits none or
    several, or if there is no column `sort`.
    """
    known = list_runs(store)
    runs = dict.fromkeys(_find_run(known, name) for name in names) if names else known
    return build_answers_board(mode, list(_read_runs(store, mode, runs)), sort)


def _read_runs(store: Store, mode: str, runs: Iterable[str]) -> Iterator[AnsweredRun]:
    """The runs whose questions are in the benchmark's layout, with their accuracies."""
    for run in runs:
        judged = judge_run(store, run)
        if judged.record["layout"] == mode:
            digest = digest_questions(judged.questions)
            yield AnsweredRun(judged.record, judged.accuracies, digest)


def _find_run(runs: Sequence[str], name: str) -> str:
    matches = [run for run in runs if run.startswith(name)]
    if len(matches) != 1:
        fits = f"{len(matches)} of them begin so" if matches else "none begins so"
        raise UserError(f"no single run of answers {name!r}: {fits}; list them by --mode alone")
    return matches[0]
