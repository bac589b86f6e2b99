"""Installs the automations of `deployments/automations/`, by which Prefect reports problems."""

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from tasks.service.server import open_client
from tasks.service.shipped import find_shipped

WEBHOOK = "reelflow"  # the name of a Prefect block of type "Webhook"
PAYLOAD = """{"text": {{ (automation.name ~ ": " ~ automation.description ~ " ("
  ~ (flow_run.name or event.resource.id or labels["prefect.resource.id"]) ~ ")") | tojson }}}"""


def apply_automations(url: str) -> list[str]:
    """Creates or updates the automations of the server at this address and returns their names.

    If the server has a Webhook block named `reelflow`, each automation also calls it, with a JSON
    object whose `text` says what happened. An automation that was switched off stays off.
    """
    names = []
    with open_client(url) as client:
        webhook = _find_webhook(client)
        for file in sorted((find_shipped() / "deployments" / "automations").glob("*.yaml")):
            wanted = AutomationCore.model_validate(yaml.safe_load(file.read_text()))
            if webhook:
                wanted.actions.append(webhook)
            _update_automation(client, wanted)
            names.append(wanted.name)
    return names


def _update_automation(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    # An automation that is up to date is left alone: updating it would restart its waiting time.
    existing = next(iter(client.read_automations_by_name(wanted.name)), None)
    if existing is None:
        client.create_automation(wanted)
    elif (existing.description, existing.trigger, existing.actions) != (
        wanted.description, wanted.trigger, wanted.actions,
    ):  # fmt: skip
        wanted.enabled = existing.enabled
        client.update_automation(existing.id, wanted)


def _find_webhook(client: SyncPrefectClient) -> CallWebhook | None:
    try:
        block = client.read_block_document_by_name(WEBHOOK, "webhook")
    except ObjectNotFound:
        return None
    return CallWebhook(type="call-webhook", block_document_id=block.id, payload=PAYLOAD)
