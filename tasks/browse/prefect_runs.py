"""Runs of flows, as the Prefect server knows them that this process or this store is told of."""

import os
from datetime import datetime

from pydantic import BaseModel

from data.settings import Settings
from tasks.service.service import read_service, service_folder

MAX_LISTED = 30
TIMEOUT_S = 3.0  # somebody looks at an empty page meanwhile


class FlowRun(BaseModel):
    """A run of a flow, with the address of its own page in Prefect's UI."""

    name: str
    state: str
    started: datetime | None
    address: str


class Prefect(BaseModel):
    """Prefect's UI, and the runs that started last; `fault` says why there are none."""

    address: str | None
    runs: list[FlowRun] = []
    fault: str | None = None


def find_api(settings: Settings) -> str | None:
    """The API that this process is told of, else that of `reelflow up` over the same store."""
    if api := os.environ.get("PREFECT_API_URL"):
        return api.rstrip("/")
    service = read_service(service_folder(settings))
    return service.api if service and service.alive else None


def read_flow_runs(api: str | None) -> Prefect:
    """The newest runs of a server, by its API; an address alone where it does not answer."""
    if api is None:
        return Prefect(address=None)
    import httpx

    ui = api.removesuffix("/api")
    login = os.environ.get("PREFECT_API_AUTH_STRING")
    user, _, password = (login or "").partition(":")
    # Of those that started: a schedule's runs to come would be sorted before them all.
    started = {"start_time": {"is_null_": False}}
    asked = {"flow_runs": started, "sort": "START_TIME_DESC", "limit": MAX_LISTED}
    try:
        answer = httpx.post(
            f"{api}/flow_runs/filter", json=asked, timeout=TIMEOUT_S, trust_env=False,
            auth=(user, password) if login else None,
        )  # fmt: skip
        rows = answer.raise_for_status().json()
        runs = [
            FlowRun(name=row["name"], state=row["state_name"] or "", started=row["start_time"],
                    address=f"{ui}/runs/flow-run/{row['id']}")
            for row in rows
        ]  # fmt: skip
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        return Prefect(address=ui, fault=f"Prefect's server does not answer: {error}")
    return Prefect(address=ui, runs=runs)
