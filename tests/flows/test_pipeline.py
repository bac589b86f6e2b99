"""The pipeline flow, given a corpus and no more, as the UI's form and schedules start it."""

import pytest
from support.corpora import counts, videos

from data.shards.stages import current_stage, read_spec
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec
from data.workspace import Workspace
from flows.backfill import backfill, read_plan
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.pool import pool
from tasks.stages import choose_embed_spec
from tasks.workers import fastest_precision

pytestmark = pytest.mark.usefixtures("prefect_backend")

OWN, OTHER = EmbedSpec(engine="fake", every_nth=7), EmbedSpec(engine="fake", every_nth=3)
FLAT = IndexSpec(engine="flat")


def test_a_corpus_alone_is_brought_up_to_date_by_its_own_specs(workspace: Workspace) -> None:
    pipeline("c", "fake://6", embed_spec=OWN, index_spec=FLAT)
    there = _specs(workspace)
    made = pipeline("c")
    assert (made["embed"]["shards"], made["pool"]["shards"], made["index"]["new"]) == (0, 0, 0)
    pipeline("c", "fake://8")
    assert _specs(workspace) == there == [OWN, PoolSpec(), FLAT]
    assert len(workspace.store.list_names("corpora/c/embed")) == 2, "one fingerprint, and the alias"
    assert videos(workspace, "c", "index") == counts(8, 8)


def test_each_stage_and_a_backfill_do_what_is_missing_by_the_corpus_s_own_specs(
    workspace: Workspace,
) -> None:
    pipeline("c", "fake://6", embed_spec=OWN, index_spec=FLAT)
    there = _specs(workspace)
    ingest("fake://9", "c")
    assert read_plan("c", "true", None)["videos"] == 3
    assert backfill("c", "number < 8", approved=True)["planned"] == 2
    assert embed("c")["done"] == 1
    pool("c")
    assert index("c")["count"] == 9
    assert _specs(workspace) == there


def test_an_index_stays_of_its_kind_over_other_vectors(workspace: Workspace) -> None:
    pipeline("c", "fake://6", embed_spec=OWN, index_spec=FLAT)
    made = pipeline("c", embed_spec=OTHER)
    assert made["embed"]["done"] == 6
    assert _specs(workspace) == [OTHER, PoolSpec(), FLAT]


def test_a_corpus_without_a_spec_gets_the_usual_one_at_this_machine_s_fastest(
    workspace: Workspace,
) -> None:
    assert choose_embed_spec(workspace, "c", None) == EmbedSpec(precision=fastest_precision())
    assert choose_embed_spec(workspace, "c", OTHER) == OTHER


def _specs(workspace: Workspace) -> list[object]:
    found = []
    for kind, spec in (("embed", EmbedSpec), ("pool", PoolSpec), ("index", IndexSpec)):
        stage = current_stage(workspace.store, "c", kind)
        assert stage is not None
        found.append(read_spec(workspace.store, stage, spec))
    return found
