"""prefect.yaml against the code: what is deployed exists, and can be filled in as a form."""

import inspect

import pytest
import yaml
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from support.paths import REPOSITORY

from data.specs.base import Spec
from tasks.service.work_pool import BACKFILL_POOL, POOL, QUEUES

ROOT = REPOSITORY
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_an_entrypoint_is_a_flow_whose_parameters_are_described(deployment: dict) -> None:
    flow = load_flow_from_entrypoint(deployment["entrypoint"])
    assert isinstance(flow, Flow)
    form = parameter_schema(flow.fn)
    assert all(field.get("description") for field in form.properties.values())
    for name, spec in form.definitions.items():
        nameless = [key for key, each in spec["properties"].items() if "description" not in each]
        assert not nameless, f"{name}: {nameless}"
    flow.validate_parameters(_needed(flow) | deployment.get("parameters", {}))
    assert deployment["description"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_no_form_unfolds_a_spec_that_may_be_left_out(deployment: dict) -> None:
    """A default other than null would unfold all of its fields: 25 of generation."""
    form = parameter_schema(load_flow_from_entrypoint(deployment["entrypoint"]).fn)
    for name, field in form.properties.items():
        if name not in form.required and "Spec" in str(field):
            assert field["default"] is None, name


def test_the_form_of_a_night_begins_with_what_most_people_fill_in() -> None:
    [nightly] = [each for each in DEPLOYMENTS if each["name"] == "nightly"]
    form = parameter_schema(load_flow_from_entrypoint(nightly["entrypoint"]).fn)
    order = sorted(form.properties, key=lambda name: form.properties[name]["position"])
    assert order[:3] == ["corpus", "source", "prompts"]


def test_no_limit_lets_a_corpus_wait_for_another_one() -> None:
    """The pipeline itself holds a lock on its corpus; a deployment's limit is for all of them."""
    [nightly] = [each for each in DEPLOYMENTS if each["name"] == "nightly"]
    assert "concurrency_limit" not in nightly


def test_every_flow_is_deployed() -> None:
    deployed = {d["entrypoint"].split(":")[0] for d in DEPLOYMENTS}
    modules = {f"flows.{path.stem}" for path in (ROOT / "flows").glob("[a-z]*.py")}
    at_hand = {
        "flows.cut", "flows.demo", "flows.demo_motion", "flows.demo_refine", "flows.demo_texts",
        "flows.import_ragme",
    }  # fmt: skip
    assert deployed >= modules - at_hand  # these write into folders of who types them


def test_what_we_log_is_on_the_page_of_every_run() -> None:
    for deployment in DEPLOYMENTS:
        logged = deployment["work_pool"]["job_variables"]["env"]
        ours = {file.parent.name for file in ROOT.glob("*/__init__.py")}
        assert set(logged["PREFECT_LOGGING_EXTRA_LOGGERS"].split(",")) == ours
        assert logged["PREFECT_LOGGING_ROOT_LEVEL"] == "INFO"


def test_a_deployment_that_is_suspended_has_no_slot_to_lose() -> None:
    [backfill] = [d for d in DEPLOYMENTS if d["name"] == "backfill"]
    assert "concurrency_limit" not in backfill


def test_windows_are_in_a_queue_that_comes_after_all_others() -> None:
    queues = {d["name"]: d["work_pool"]["work_queue_name"] for d in DEPLOYMENTS}
    pools = {d["name"]: d["work_pool"]["name"] for d in DEPLOYMENTS}
    # In the pool of its windows it could hold all of their places.
    assert pools.pop("backfill") == BACKFILL_POOL
    assert set(pools.values()) == {POOL}
    assert set(queues.values()) == set(QUEUES)
    last = max(QUEUES, key=lambda name: QUEUES[name])
    assert [name for name, queue in queues.items() if queue == last] == ["embed-window"]


def _needed(flow: Flow) -> dict[str, object]:
    """Something for every parameter that has no default."""
    return {
        name: _some(parameter.annotation)
        for name, parameter in inspect.signature(flow.fn).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }


def _some(kind: object) -> object:
    if isinstance(kind, type) and issubclass(kind, Spec):
        return kind()
    return ["x"] if str(kind).startswith("list") else "x"
