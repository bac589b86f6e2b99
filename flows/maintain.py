"""The maintain flow: looks after a corpus and its store, and changes nothing unless asked."""

from typing import Any

from prefect import flow

from data.runs import now
from data.settings import Settings
from data.workplace import open_workplace
from tasks.maintain import canary_now, collect, verify
from tasks.report import publish, publish_table


@flow(name="maintain", flow_run_name="maintain-{corpus}")
def maintain(
    corpus: str,
    sample: int = 100,
    remove: bool = False,
    keep: int = 2,
    rebuild: bool = False,
    canary: bool = True,
) -> dict[str, Any]:
    """Reads a sample of the videos again, looks for leftovers, and embeds the canary anew.

    Args:
        corpus: the corpus whose videos are read
        sample: how many of them; others every day
        remove: remove the leftovers of the whole store, not only list them
        keep: versions of each index that stay
        rebuild: make the catalogue again from the store
        canary: embed the canary, to see whether this machine still makes the same vectors
    """
    place = open_workplace(Settings())
    place.known(corpus)
    if rebuild:
        place.rebuild_catalog()
    wrong = verify(place, corpus, sample, seed=now()[:10])
    left = collect(place, keep, remove)
    alike = canary_now(place, corpus) if canary else None
    if wrong:
        publish_table("maintain-wrong", corpus, wrong)
    if left:
        publish_table("maintain-leftovers", corpus, left)
    summary = {
        "corpus": corpus, "wrong": len(wrong), "examples": wrong[:10], "leftovers": len(left),
        "leftover_bytes": sum(row["bytes"] for row in left), "removed": remove and bool(left),
        "canary": alike,
    }  # fmt: skip
    publish("maintain", corpus, summary)
    return summary | {"leftover_names": [row["name"] for row in left[:50]]}
