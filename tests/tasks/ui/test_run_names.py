"""The names of flow runs: a person's is kept, one that Prefect made up is not."""

import pytest
from prefect import flow
from prefect.context import FlowRunContext
from prefect.utilities.names import generate_slug

from tasks.ui.run_names import is_generated, name_run


def test_names_that_prefect_makes_up_are_known() -> None:
    names = [generate_slug(2) for _ in range(200)]  # by the server
    names += ["alpha3-canis-majoris", "mu-hydri-b", "Tasty-Cotton", "Rustic-Tuna"]  # by its forms
    assert [name for name in names if not is_generated(name)] == []


@pytest.mark.parametrize("name", ["after the fix", "pipeline-news", "my-test", "night 2", "x"])
def test_a_name_that_a_person_typed_is_kept(name: str) -> None:
    assert not is_generated(name)


def test_a_run_is_named_by_its_parameters_unless_a_person_named_it(prefect_backend: None) -> None:
    from prefect.client.orchestration import get_client

    @flow(flow_run_name=name_run("toy-{corpus}"))
    def toy(corpus: str, k: int = 3) -> str:
        return FlowRunContext.get().flow_run.name

    assert toy("cats") == "toy-cats"
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(toy, name="after the fix", parameters={"corpus": "cats"})
    from prefect.flow_engine import run_flow

    assert run_flow(toy, flow_run=run) == "after the fix"
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(run.id).name == "after the fix"
