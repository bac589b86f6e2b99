from dataclasses import replace
from pathlib import Path

import pytest
from support.corpora import FAKE, counts, videos

from data.errors import UserError
from data.runs.backfill import RemainingWork
from data.shards.lists import list_done, list_pending
from data.shards.stages import Stage, current_stage, read_spec
from data.specs.pipeline import EmbedSpec, IndexSpec
from data.workspace import Workspace
from flows.backfill import backfill, embed_window, read_plan
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.pool import pool
from tasks.embed.backfill import iter_windows, render_plan
from tasks.stages import register_embed

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "4")
    monkeypatch.setenv("REELFLOW_PRICE_PER_GPU_HOUR", "2")


def test_a_plan_says_what_is_left_and_does_nothing(workspace: Workspace) -> None:
    ingest("fake://12", "c")
    plan = read_plan("c", "number < 6", FAKE)
    assert (plan["matching"], plan["videos"], plan["pending"]) == (6, 6, 0)
    assert plan["worker_hours"] is None
    assert videos(workspace, "c", "embed") == counts(12, 0, 0)


def test_nothing_is_done_before_somebody_approved(workspace: Workspace) -> None:
    ingest("fake://4", "c")
    with pytest.raises(UserError, match=r"4 videos .* add --approve"):
        backfill("c", "true", FAKE)
    assert videos(workspace, "c", "embed") == counts(4, 0, 0)


def test_a_plan_that_waits_for_its_approval_and_the_nightly_run_are_not_in_each_others_way(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELFLOW_WAIT_S", "1")
    ingest("fake://4", "c")
    with workspace.lock_stage("c", "embed", print):
        with pytest.raises(UserError, match="add --approve"):
            backfill("c", "true", FAKE)


@pytest.mark.usefixtures("prefect_backend")
def test_only_what_the_condition_names_is_done_and_the_rest_is_left(workspace: Workspace) -> None:
    ingest("fake://12", "c")
    made = backfill("c", "number < 6", FAKE, window=4, approved=True)
    assert (made["planned"], made["windows"], made["left"]) == (6, 2, 0)
    assert videos(workspace, "c", "embed") == counts(12, 6, 0)
    again = backfill("c", "number < 6", FAKE, window=4, approved=True)
    assert (again["planned"], again["windows"]) == (0, 0)
    assert backfill("c", "true", FAKE, approved=True)["planned"] == 6
    assert videos(workspace, "c", "embed") == counts(12, 12, 0)


def test_receipts_tell_the_next_plan_what_it_will_cost(workspace: Workspace) -> None:
    ingest("fake://12", "c")
    backfill("c", "number < 6", FAKE, approved=True)
    plan = read_plan("c", "true", FAKE)
    assert plan["worker_hours"] > 0
    assert plan["cost"] == pytest.approx(2 * plan["worker_hours"])


def test_no_window_begins_once_the_budget_is_spent(workspace: Workspace) -> None:
    ingest("fake://12", "c")
    made = backfill("c", "true", FAKE, window=4, budget_gpu_hours=1e-9, approved=True)
    assert (made["windows"], made["left"]) == (1, 8)
    assert "budget" in made["stopped"]
    assert backfill("c", "true", FAKE, window=4, approved=True)["windows"] == 2


def test_a_spec_of_ones_own_is_filled_beside_the_one_in_use(workspace: Workspace) -> None:
    ingest("fake://4", "c")
    embed("c", FAKE)
    used = current_stage(workspace.store, "c", "embed")
    other = EmbedSpec(engine="fake", every_nth=3)
    made = backfill("c", "true", other, approved=True)
    assert made["planned"] == 4
    assert made["fingerprint"] != used.fingerprint
    assert current_stage(workspace.store, "c", "embed") == used


def test_a_finished_backfill_goes_on_to_the_index_where_asked_in_the_corpus_s_own_way(
    workspace: Workspace,
) -> None:
    flat = IndexSpec(engine="flat")
    ingest("fake://8", "c")
    other = EmbedSpec(engine="fake", every_nth=3)
    backfill("c", "number < 4", FAKE, approved=True)
    pool("c")
    index("c", flat)
    made = backfill("c", "true", FAKE, approved=True, through="pool")
    assert "index" not in made
    assert videos(workspace, "c", "pool") == counts(8, 8, 0)
    made = backfill("c", "true", other, approved=True, through="index")
    used = current_stage(workspace.store, "c", "index")
    beside = Stage("c", "index", made["index"]["fingerprint"])
    assert beside != used
    assert made["index"]["count"] == 8
    assert read_spec(workspace.store, beside, IndexSpec) == flat


def test_a_backfill_that_is_not_through_does_not_go_on(workspace: Workspace) -> None:
    ingest("fake://8", "c")
    made = backfill("c", "true", FAKE, 4, budget_gpu_hours=1e-9, approved=True, through="index")
    assert made["stopped"]
    assert "pool" not in made


def test_another_machine_with_a_catalogue_of_its_own_plans_only_what_is_left(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("fake://12", "c")
    stage = register_embed(workspace, "c", FAKE, shadow=True)
    made = backfill("c", "true", FAKE, window=4, budget_gpu_hours=1e-9, approved=True)
    assert made["left"] == 8
    next(iter_windows(workspace, stage, "true", 4, _unlimited()))  # planned, and then it was gone
    monkeypatch.setenv("REELFLOW_CATALOG", str(tmp_path / "elsewhere" / "catalog.duckdb"))
    plan = read_plan("c", "true", FAKE)
    assert (plan["matching"], plan["videos"], plan["pending"]) == (12, 4, 1)
    before = _receipts(workspace, stage)
    made = backfill("c", "true", FAKE, window=4, approved=True)
    assert (made["planned"], made["windows"], made["left"]) == (4, 2, 0)
    monkeypatch.delenv("REELFLOW_CATALOG")
    assert read_plan("c", "true", FAKE)["videos"] == 0
    assert _receipts(workspace, stage)[: len(before)] == before, "done twice"


def test_a_plan_is_a_table_for_whoever_approves_it(workspace: Workspace) -> None:
    settings = workspace.settings.model_copy(update={"price_per_gpu_hour": 2.0})
    plan = RemainingWork(
        "embed", "c", "1a2b", "a | b", 1200, 1000, 20.0, 3, 50.0, 4, 12.5, 100.0, 1003, 20, 8
    )  # fmt: skip
    table = render_plan(plan, settings)
    assert "| videos to embed | 1,000 |" in table
    assert "| matching videos in shards already | 200 |" in table
    assert "| shards to do | 1,003 |" in table
    assert "| shards left by an earlier run | 3 |" in table
    assert "| shards done | 20 |" in table
    assert "| windows to do | 8 |" in table
    assert "-hours, estimated from receipts | 50.00 |" in table
    assert "| hours at 4 workers | 12.50 |" in table
    assert "-hour | 100.00 |" in table
    assert r"a \| b" in table
    unknown = render_plan(replace(plan, worker_hours=None, wall_hours=None), settings)
    assert "| hours at 4 workers | not known yet |" in unknown


def test_what_a_crashed_run_listed_counts_in_the_estimate(workspace: Workspace) -> None:
    ingest("fake://12", "c")
    stage = register_embed(workspace, "c", FAKE, shadow=True)
    backfill("c", "number < 4", FAKE, approved=True)
    whole = read_plan("c", "true", FAKE)
    next(iter_windows(workspace, stage, "true", 4, _unlimited()))
    after = read_plan("c", "true", FAKE)
    assert (after["videos"], after["pending"]) == (4, 1)
    assert after["worker_hours"] == pytest.approx(whole["worker_hours"])
    assert after["wall_hours"] == pytest.approx(after["worker_hours"] / after["workers"])


def test_what_an_earlier_run_planned_and_left_comes_first(workspace: Workspace) -> None:
    ingest("fake://12", "c")
    stage = register_embed(workspace, "c", FAKE, shadow=True)
    read_plan("c", "true", FAKE)
    left = next(
        iter_windows(workspace, stage, "true", 4, _unlimited())
    )  # planned, and then nothing
    assert list_pending(workspace.store, stage.folder) == left
    made = backfill("c", "true", FAKE, window=4, approved=True)
    assert (made["planned"], made["windows"]) == (8, 3)
    assert list_done(workspace.store, stage.folder)[0] == left[0]


def test_a_window_is_embedded_by_itself_as_a_child_run_does_it(workspace: Workspace) -> None:
    ingest("fake://8", "c")
    stage = register_embed(workspace, "c", FAKE, shadow=True)
    read_plan("c", "true", FAKE)
    shards = next(iter_windows(workspace, stage, "true", 4, _unlimited()))
    assert embed_window("c", shards, FAKE)["done"] == 4


def test_another_attempt_of_a_window_embeds_only_what_has_no_receipt(workspace: Workspace) -> None:
    ingest("fake://8", "c")
    stage = register_embed(workspace, "c", FAKE, shadow=True)
    read_plan("c", "true", FAKE)
    shards = next(iter_windows(workspace, stage, "true", 8, _unlimited()))
    embed_window("c", shards[:1], FAKE)
    before = _receipts(workspace, stage)
    made = embed_window("c", shards, FAKE)
    assert (made["shards"], made["done"]) == (1, 4)
    assert list_done(workspace.store, stage.folder) == shards
    assert _receipts(workspace, stage)[:1] == before
    assert embed_window("c", shards, FAKE)["shards"] == 0


def test_a_plan_counts_the_shards_and_windows_to_come_as_they_then_come(
    workspace: Workspace,
) -> None:
    ingest("fake://13", "c")
    stage = register_embed(workspace, "c", FAKE, shadow=True)
    backfill("c", "number < 3", FAKE, approved=True)
    next(iter_windows(workspace, stage, "true", 2, _unlimited()))  # planned, and then nothing
    plan = read_plan("c", "true", FAKE, window=5)
    assert (plan["shards_done"], plan["pending"], plan["videos"]) == (1, 1, 8)
    assert (plan["shards"], plan["windows"]) == (1 + 2 + 1, 1 + 2)
    to_come = list(iter_windows(workspace, stage, "true", 5, _unlimited()))
    assert (sum(map(len, to_come)), len(to_come)) == (plan["shards"], plan["windows"])


@pytest.mark.parametrize(
    "where",
    [
        "(SELECT count(*) FROM read_text('/etc/hostname')) > 0",
        "true; DROP TABLE videos",
        "nonsense",
    ],
)
def test_a_condition_can_only_look_at_the_catalogue(workspace: Workspace, where: str) -> None:
    ingest("fake://2", "c")
    with pytest.raises(UserError, match="cannot use"):
        read_plan("c", where, FAKE)


def test_the_command_shows_the_plan_then_does_it(reelflow, workspace: Workspace) -> None:
    ingest("fake://6", "c")
    asked = ["backfill", "embed", "--corpus", "c", "--engine", "fake", "--where", "number >= 2"]
    code, shown, _ = reelflow(*asked)
    assert code == 0
    assert "add --approve" in shown
    assert reelflow(*asked, "--approve")[0] == 0
    assert videos(workspace, "c", "embed")["done"] == 4


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        ("pool", "reelflow pool c"),
        ("index", "reelflow index c"),
        ("generate", "generate c"),
    ],
)
def test_what_to_run_for_a_stage_that_has_no_backfill_is_said_in_a_line(
    reelflow, stage: str, says: str
) -> None:
    code, _, said = reelflow("backfill", stage, "--corpus", "c")
    assert code == 1
    assert says in said
    assert len(said.splitlines()) == 1


def _receipts(workspace: Workspace, stage: Stage) -> list[bytes]:
    shards = list_done(workspace.store, stage.folder)
    return [workspace.store.read(f"{stage.folder}/receipts/{shard}.json") for shard in shards]


def _unlimited():
    from tasks.embed.backfill import Budget

    return Budget(None)
