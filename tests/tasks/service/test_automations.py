"""The shipped automations: valid for Prefect, and applied once, however often."""

from collections.abc import Iterator

import pytest
import yaml
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore
from support.packaging import DEPLOYMENTS

from data.settings import Settings
from tasks.service.automations import WEBHOOK, apply_automations
from tasks.service.server import find_api_url, open_client

FILES = sorted((DEPLOYMENTS / "automations").glob("*.yaml"))
NAMES = [yaml.safe_load(file.read_text())["name"] for file in FILES]
LATE = "reelflow: late"


@pytest.fixture
def client(prefect_backend: None) -> Iterator[SyncPrefectClient]:
    with open_client(find_api_url(Settings())) as client:
        yield client
        for name in NAMES:
            for made in client.read_automations_by_name(name):
                client.request("DELETE", "/automations/{id}", path_params={"id": made.id})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_prefect_knows_every_word_of_a_file(file) -> None:
    written = yaml.safe_load(file.read_text())
    automation = AutomationCore.model_validate(written)
    known = automation.model_dump(mode="json", exclude_unset=True)
    assert written.keys() == known.keys()
    assert written["trigger"].keys() == known["trigger"].keys()
    assert [set(a) for a in written["actions"]] == [set(a) for a in known["actions"]]
    assert automation.description


def test_a_run_is_given_up_after_three_heartbeats_at_the_earliest() -> None:
    from prefect.settings.models.flows import FlowsSettings

    [file] = [file for file in FILES if file.stem == "vanished"]
    usual = FlowsSettings.model_fields["heartbeat_frequency"].default
    assert yaml.safe_load(file.read_text())["trigger"]["within"] >= 3 * usual


def test_applying_again_changes_nothing_that_is_as_it_should_be(client) -> None:
    assert sorted(apply_automations(find_api_url(Settings()))) == sorted(NAMES)
    before = [client.read_automations_by_name(name) for name in NAMES]
    apply_automations(find_api_url(Settings()))
    after = [client.read_automations_by_name(name) for name in NAMES]
    assert after == before
    assert [len(made) for made in after] == [1] * len(NAMES)


def test_what_somebody_changed_is_as_shipped_again_but_for_its_switch(client) -> None:
    apply_automations(find_api_url(Settings()))
    [made] = client.read_automations_by_name(LATE)
    written = made.model_dump(mode="json", exclude={"id", "created", "updated", "owner_resource"})
    changed = AutomationCore(**written | {"description": "mine", "enabled": False})
    client.update_automation(made.id, changed)
    apply_automations(find_api_url(Settings()))
    [restored] = client.read_automations_by_name(LATE)
    assert (restored.id, restored.description) == (made.id, made.description)
    assert not restored.enabled


def test_where_there_is_a_webhook_every_automation_calls_it(client) -> None:
    apply_automations(find_api_url(Settings()))
    block = Webhook(url="http://127.0.0.1:9/").save(WEBHOOK, overwrite=True)
    apply_automations(find_api_url(Settings()))
    for name in NAMES:
        [made] = client.read_automations_by_name(name)
        assert made.actions[-1].block_document_id == block
    client.delete_block_document(block)
    apply_automations(find_api_url(Settings()))
    assert "call-webhook" not in [a.type for a in client.read_automations_by_name(LATE)[0].actions]
