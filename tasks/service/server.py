"""Prefect's server: its address, and a client for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings

from data.errors import UserError
from data.settings import Settings
from tasks.service.service import read_service, service_folder


def find_api_url(settings: Settings) -> str:
    """Returns the API URL of Prefect's settings, else that of this machine's own service.

    Raises a UserError if there is neither.
    """
    url = PREFECT_API_URL.value()
    if url:
        return url
    service = read_service(service_folder(settings))
    if service is None or not service.alive:
        raise UserError(
            "no Prefect server is running here: run `reelflow up`, or set PREFECT_API_URL"
        )
    return service.api


@contextmanager
def open_client(url: str) -> Iterator[SyncPrefectClient]:
    """Opens a client of the API at this URL; raises a UserError if a request fails."""
    try:
        with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            yield client
    except httpx.TransportError as error:
        raise UserError(
            f"no Prefect server at {url}: run `reelflow up`, or correct PREFECT_API_URL"
        ) from error
    except PrefectHTTPStatusError as error:
        raise UserError(f"Prefect's server at {url} refused the request: {error}") from error
