"""Prefect's server: its address, and a client for it."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    temporary_settings,
)

from data.errors import UserError
from data.settings import Settings
from tasks.service.service import read_service, service_folder

CONNECT_S = 5.0  # a command should not wait for a dead server
ANSWER_S = 60.0  # one that listens may be busy, as at night, and is not to end a run by that


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


def check_configured_server() -> bool:
    """Whether PREFECT_API_URL is set; a UserError if it is and no Prefect server answers there.

    Prefect itself would repeat the request for minutes, and name neither.
    """
    if url := PREFECT_API_URL.value():
        check_server(url)
    return bool(url)


def check_server(url: str) -> None:
    """Raises a UserError that says what is wrong, unless Prefect's API is at this URL."""
    patience = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
    try:
        answer = httpx.get(f"{url}/admin/version", headers=_authorization(), timeout=patience)
    except (httpx.TransportError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise _server_error(url, f"no server answers there ({_describe(error)})") from error
    if answer.status_code in (401, 403):
        raise _server_error(url, "it refuses the password: set PREFECT_API_AUTH_STRING")
    is_json = "json" in answer.headers.get("content-type", "")
    # While its database is away the server answers 5xx; whoever waits for it does so later.
    if answer.status_code < 500 and not (answer.is_success and is_json):
        raise _server_error(
            url, f"that is not Prefect's API (answer {answer.status_code}); its path is /api"
        )


def _server_error(url: str, problem: str) -> UserError:
    return UserError(
        f"PREFECT_API_URL is {url}, but {problem}: correct it, start the server with"
        " `reelflow up`, or unset it to run without one"
    )


def _describe(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _authorization() -> dict[str, str]:
    """The header with which Prefect's own client would log in; {} without credentials."""
    if secret := PREFECT_API_AUTH_STRING.value():
        return {"Authorization": f"Basic {b64encode(secret.get_secret_value().encode()).decode()}"}
    if key := PREFECT_API_KEY.value():
        return {"Authorization": f"Bearer {key.get_secret_value()}"}
    return {}


@contextmanager
def open_client(url: str) -> Iterator[SyncPrefectClient]:
    """Opens a client of the API at this URL; raises a UserError if a request fails."""
    check_server(url)
    try:
        with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            yield client
    except httpx.TransportError as error:
        raise _server_error(url, f"no server answers there ({_describe(error)})") from error
    except PrefectHTTPStatusError as error:
        raise UserError(f"Prefect's server at {url} refused the request: {error}") from error
