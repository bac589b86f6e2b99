"""How far each stage of a corpus is, what failed and how to retry it, and which runs there are."""

from typing import Any

from pydantic import BaseModel

from data.catalog.coverage import compute_coverage
from data.catalog.database import load_sql
from data.catalog.failures import Failures
from data.shards.stages import current_stage
from data.store import layout
from tasks.browse.prefect_runs import Prefect, find_api, read_flow_runs
from tasks.browse.session import Session
from tasks.generate.provenance import list_runs
from tasks.retry import count_failures

PAGED = ("generations", "experiments", "evaluations", "refinements")  # runs that have a page
MAX_RUNS = 200


class FailureGroup(BaseModel):
    """Failures of one stage with one reason, some of them, and the command that tries again."""

    stage: str
    reason: str
    videos: int
    examples: str
    retry: str | None


class Health(BaseModel):
    """`stages` count videos and hours: total, done, failed, missing."""

    stages: dict[str, Any]
    failures: list[FailureGroup]


class Page(BaseModel):
    """A page that the store can show: of a run, an experiment or an evaluation."""

    kind: str
    name: str
    address: str
    made: str | None
    about: str


class Runs(BaseModel):
    """Runs of generation, newest first, all pages that there are, and Prefect's runs of flows."""

    generations: list[dict[str, Any]]
    pages: list[Page]
    prefect: Prefect


def read_health(session: Session, corpus: str) -> Health:
    """Coverage by stage, and failures by stage and reason."""
    now = session.require_corpus(corpus)
    with now.open_catalog() as catalog:
        stages = compute_coverage(catalog, now.store, corpus)["stages"]
        groups = []
        for kind in ("ingest", "embed", "pool"):
            stage = current_stage(now.store, corpus, kind) if kind != "ingest" else None
            values = {"stage": kind, "print": stage.fingerprint if stage else ""}
            rows = catalog.query_rows(load_sql("failed_by_reason"), corpus=corpus, **values)
            groups += [{"stage": kind, **row} for row in rows]
    again = {(row["stage"], row["reason"]) for row in count_failures(now, corpus, Failures())}
    failures = [
        FailureGroup(
            **group,
            retry=session.write_command("retry", corpus, "--reason", group["reason"])
            if (group["stage"], group["reason"]) in again
            else None,
        )
        for group in groups
    ]
    return Health(stages=stages, failures=failures)


def read_runs(session: Session) -> Runs:
    """The runs of the store, and the pages that it can show of them."""
    now = session.now
    runs = list_runs(now)[:MAX_RUNS]
    pages = [
        Page(kind="leaderboard", name="all", address="/pages/leaderboard/all", made=None,
             about="evaluations beside published results")
    ] if now.store.list_names(layout.EVALUATIONS) else []  # fmt: skip
    for kind in PAGED:
        for folder in now.store.list_names(kind):
            name = folder.rsplit("/", 1)[-1]
            pages.append(Page(kind=kind, name=name, address=f"/pages/{kind}/{name}", made=None,
                              about=""))  # fmt: skip
    prefect = read_flow_runs(find_api(session.settings))
    return Runs(generations=runs, pages=pages[:MAX_RUNS], prefect=prefect)
