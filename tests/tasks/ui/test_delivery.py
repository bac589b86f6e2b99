"""A server that goes away while a run sends it a page."""

import logging

import httpx
import pytest
from prefect.artifacts import create_markdown_artifact
from prefect.settings import PREFECT_API_URL, temporary_settings
from support.running import free_ports

from tasks.ui.delivery import deliver


def test_a_page_that_no_server_takes_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    dead = f"http://127.0.0.1:{free_ports(1)[0]}/api"
    with caplog.at_level(logging.WARNING), temporary_settings({PREFECT_API_URL: dead}):
        assert deliver(create_markdown_artifact, "x", key="page", waits_s=[0.0, 0.0]) is None
    [line] = [line for line in caplog.messages if "page" in line]
    assert "away" in line


def test_a_page_arrives_once_the_server_is_back() -> None:
    tries = []

    def create(page: str) -> str:
        tries.append(page)
        if len(tries) < 3:
            raise httpx.ConnectError("refused")
        return "id"

    assert deliver(create, "page", waits_s=[0.0, 0.0, 0.0]) == "id"
    assert tries == ["page"] * 3


def test_what_the_server_refuses_is_an_error(prefect_backend: None) -> None:
    with pytest.raises(Exception, match="key"):
        deliver(create_markdown_artifact, "x", key="Not A Key", waits_s=[0.0])
