"""What Prefect's server does by itself when something goes wrong: `deployments/automations/`."""

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from tasks.service.server import connected
from tasks.service.start import project

WEBHOOK = "reelflow"  # the name of a block of Prefect's type "Webhook"
SAID = """{"text": {{ (automation.name ~ ": " ~ automation.description ~ " ("
  ~ (flow_run.name or event.resource.id or labels["prefect.resource.id"]) ~ ")") | tojson }}}"""


def apply(url: str) -> list[str]:
    """Makes the automations of the server at this address be as our files say; their names.

    Where the server has a Webhook block named `reelflow`, each of them calls it too, with a JSON
    object whose `text` says what happened. One that somebody switched off stays off.
    """
    names = []
    with connected(url) as client:
        told = _webhook(client)
        for file in sorted((project() / "deployments" / "automations").glob("*.yaml")):
            wanted = AutomationCore.model_validate(yaml.safe_load(file.read_text()))
            if told:
                wanted.actions.append(told)
            _agree(client, wanted)
            names.append(wanted.name)
    return names


def _agree(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    """One that is as it should be is left alone: what it waits for begins anew with a change."""
    there = next(iter(client.read_automations_by_name(wanted.name)), None)
    if there is None:
        client.create_automation(wanted)
    elif (there.description, there.trigger, there.actions) != (
        wanted.description, wanted.trigger, wanted.actions,
    ):  # fmt: skip
        wanted.enabled = there.enabled
        client.update_automation(there.id, wanted)


def _webhook(client: SyncPrefectClient) -> CallWebhook | None:
    try:
        block = client.read_block_document_by_name(WEBHOOK, "webhook")
    except ObjectNotFound:
        return None
    return CallWebhook(type="call-webhook", block_document_id=block.id, payload=SAID)
