"""The pipeline flow, given a corpus and no more, as the UI's form and schedules start it."""

from pathlib import Path

import pytest
from support.corpora import counts, table, videos

from data.shards.stages import current_stage, read_spec
from data.specs.models import REAL, REAL_WEIGHTS, SHAPES
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec
from data.workspace import Workspace
from flows.backfill import backfill, read_plan
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.pool import pool
from tasks.precision import fastest_precision
from tasks.stages import choose_embed_spec

pytestmark = pytest.mark.usefixtures("plain_flows")

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


def test_a_corpus_of_fakes_gets_the_bundled_model_and_any_other_a_real_one(
    workspace: Workspace, tmp_path: Path
) -> None:
    fastest = EmbedSpec(model=SHAPES, precision=fastest_precision())
    assert choose_embed_spec(workspace, "c", None, "fake://6") == fastest
    real = fastest.model_copy(update={"model": REAL, "weights": REAL_WEIGHTS})
    assert choose_embed_spec(workspace, "c", None, "/videos") == real
    assert choose_embed_spec(workspace, "c", None) == real, "nothing there to tell by"
    ingest("fake://2", "c")
    assert choose_embed_spec(workspace, "c", None) == fastest
    assert choose_embed_spec(workspace, "c", None, "/videos") == real
    rows = [{"videoID": "gone", "videoLoc": str(tmp_path / "gone.mp4"), "txt": ""}]
    ingest(table(tmp_path, rows), "c")
    assert choose_embed_spec(workspace, "c", None) == real, "footage, though unreadable today"
    assert choose_embed_spec(workspace, "c", OTHER) == OTHER


def test_a_model_left_out_is_the_corpus_s_own(workspace: Workspace) -> None:
    pipeline("c", "fake://2", embed_spec=OWN, index_spec=FLAT)
    assert choose_embed_spec(workspace, "c", EmbedSpec(every_nth=3)) == OTHER
    named = EmbedSpec(model=SHAPES, every_nth=3)
    assert choose_embed_spec(workspace, "c", named) == named


def _specs(workspace: Workspace) -> list[object]:
    found = []
    for kind, spec in (("embed", EmbedSpec), ("pool", PoolSpec), ("index", IndexSpec)):
        stage = current_stage(workspace.store, "c", kind)
        assert stage is not None
        found.append(read_spec(workspace.store, stage, spec))
    return found
