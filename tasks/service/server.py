"""Prefect's server: where it is, and a client of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings

from data.errors import UserError
from data.settings import Settings
from tasks.service.service import folder_of, read


def address(settings: Settings) -> str:
    """The API that Prefect's settings name, else this machine's; a UserError where none is."""
    url = PREFECT_API_URL.value()
    if url:
        return url
    service = read(folder_of(settings))
    if service is None or not service.alive:
        raise UserError("no Prefect server runs here: `reelflow up`, or set PREFECT_API_URL")
    return service.api


@contextmanager
def connected(url: str) -> Iterator[SyncPrefectClient]:
    """A client of the API at the address; a UserError where it does not answer, or refuses."""
    try:
        with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            yield client
    except httpx.TransportError as error:
        raise UserError(f"{url} does not answer: `reelflow up`, or mend PREFECT_API_URL") from error
    except PrefectHTTPStatusError as error:
        raise UserError(f"{url} refuses: {error}") from error
