import pytest
from corpora import FAKE, counts, videos

from data.chain import current
from data.errors import UserError
from data.shards import names, pending
from data.specs import EmbedSpec
from data.workplace import Workplace
from flows.backfill import backfill, embed_window, plan_of
from flows.embed import embed
from flows.ingest import ingest
from tasks.backfill import windows
from tasks.stages import embed_stage

pytestmark = pytest.mark.usefixtures("prefect_backend")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "4")
    monkeypatch.setenv("REELFLOW_PRICE_PER_GPU_HOUR", "2")


def test_a_plan_says_what_is_left_and_does_nothing(place: Workplace) -> None:
    ingest("fake://12", "c")
    plan = plan_of("c", "number < 6", FAKE)
    assert (plan["matching"], plan["videos"], plan["pending"]) == (6, 6, 0)
    assert plan["worker_hours"] is None
    assert videos(place, "c", "embed") == counts(12, 0, 0)


def test_nothing_is_done_before_somebody_approved(place: Workplace) -> None:
    ingest("fake://4", "c")
    with pytest.raises(UserError, match=r"4 videos .* add --approve"):
        backfill("c", "true", FAKE)
    assert videos(place, "c", "embed") == counts(4, 0, 0)


def test_a_plan_that_waits_for_its_approval_and_the_nightly_run_are_not_in_each_others_way(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELFLOW_WAIT_S", "1")
    ingest("fake://4", "c")
    with place.only_run("c", "embed", print):
        with pytest.raises(UserError, match="add --approve"):
            backfill("c", "true", FAKE)


def test_only_what_the_condition_names_is_done_and_the_rest_is_left(place: Workplace) -> None:
    ingest("fake://12", "c")
    made = backfill("c", "number < 6", FAKE, window=4, approved=True)
    assert (made["planned"], made["windows"], made["left"]) == (6, 2, 0)
    assert videos(place, "c", "embed") == counts(12, 6, 0)
    again = backfill("c", "number < 6", FAKE, window=4, approved=True)
    assert (again["planned"], again["windows"]) == (0, 0)
    assert backfill("c", "true", FAKE, approved=True)["planned"] == 6
    assert videos(place, "c", "embed") == counts(12, 12, 0)


def test_receipts_tell_the_next_plan_what_it_will_cost(place: Workplace) -> None:
    ingest("fake://12", "c")
    backfill("c", "number < 6", FAKE, approved=True)
    plan = plan_of("c", "true", FAKE)
    assert plan["worker_hours"] > 0
    assert plan["cost"] == pytest.approx(2 * plan["worker_hours"])


def test_no_window_begins_once_the_budget_is_spent(place: Workplace) -> None:
    ingest("fake://12", "c")
    made = backfill("c", "true", FAKE, window=4, budget_gpu_hours=1e-9, approved=True)
    assert (made["windows"], made["left"]) == (1, 8)
    assert made["stopped"] == "the budget is spent"
    assert backfill("c", "true", FAKE, window=4, approved=True)["windows"] == 2


def test_a_spec_of_ones_own_is_filled_beside_the_one_in_use(place: Workplace) -> None:
    ingest("fake://4", "c")
    embed("c", FAKE)
    used = current(place.store, "c", "embed")
    other = EmbedSpec(engine="fake", every_nth=3)
    made = backfill("c", "true", other, approved=True)
    assert made["planned"] == 4
    assert made["fingerprint"] != used.fingerprint
    assert current(place.store, "c", "embed") == used


def test_what_an_earlier_run_planned_and_left_comes_first(place: Workplace) -> None:
    ingest("fake://12", "c")
    stage = embed_stage(place, "c", FAKE, shadow=True)
    plan_of("c", "true", FAKE)
    left = next(windows(place, stage, "true", 4, _unlimited()))  # planned, and then nothing
    assert pending(place.store, stage.folder) == left
    made = backfill("c", "true", FAKE, window=4, approved=True)
    assert (made["planned"], made["windows"]) == (8, 3)
    assert names(place.store, stage.folder, "receipts")[0] == left[0]


def test_a_window_is_embedded_by_itself_as_a_child_run_does_it(place: Workplace) -> None:
    ingest("fake://8", "c")
    stage = embed_stage(place, "c", FAKE, shadow=True)
    plan_of("c", "true", FAKE)
    shards = next(windows(place, stage, "true", 4, _unlimited()))
    assert embed_window("c", shards, FAKE)["done"] == 4


@pytest.mark.parametrize(
    "where",
    [
        "(SELECT count(*) FROM read_text('/etc/hostname')) > 0",
        "true; DROP TABLE videos",
        "nonsense",
    ],
)
def test_a_condition_can_only_look_at_the_catalogue(place: Workplace, where: str) -> None:
    ingest("fake://2", "c")
    with pytest.raises(UserError, match="cannot use"):
        plan_of("c", where, FAKE)


def test_the_command_shows_the_plan_then_does_it(reelflow, place: Workplace) -> None:
    ingest("fake://6", "c")
    asked = ["backfill", "embed", "--corpus", "c", "--engine", "fake", "--where", "number >= 2"]
    code, shown, _ = reelflow(*asked)
    assert code == 0
    assert "add --approve" in shown
    assert reelflow(*asked, "--approve")[0] == 0
    assert videos(place, "c", "embed")["done"] == 4


def _unlimited():
    from tasks.backfill import Budget

    return Budget(None)
