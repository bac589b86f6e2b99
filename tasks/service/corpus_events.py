"""Events about a corpus, by which automations know whether to expect its nights."""

from prefect.events import Event
from prefect.events.schemas.events import Resource


def build_corpus_event(name: str, corpus: str) -> Event:
    """Builds the event `reelflow.<name>` about a corpus."""
    resource = Resource({"prefect.resource.id": f"reelflow.corpus.{corpus}"})
    return Event(event=f"reelflow.{name}", resource=resource)
