"""Who may ask the page, and what a browser is told."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from data.errors import UserError
from data.settings import Settings
from tasks.browse import access, body_limit
from tasks.browse.access import LOCAL_NAMES, Access
from tasks.browse.body_limit import BodyLimit
from tasks.browse.running import RunningPage, _page_file, announce_page, find_page
from tasks.browse.server import _show_host, serve_page


def client(password: str | None = None) -> TestClient:
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("ok"), methods=["GET", "POST"])])
    guarded = Access(app, LOCAL_NAMES, password, "the token")
    return TestClient(guarded, base_url="http://127.0.0.1:4300")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True), ({"Host": "localhost:4300"}, True), ({"Host": "[::1]:4300"}, True),
        ({"Host": "evil.example"}, False), ({"Host": "127.0.0.1.evil.example"}, False),
        ({"Host": ""}, False), ({"Host": "["}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True), ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
          "Sec-Fetch-Dest": "iframe"}, False),
        ({"Host": "evil.example@127.0.0.1:4300"}, False), ({"Host": "127.0.0.1/x"}, False),
    ],
)  # fmt: skip
def test_another_site_cannot_ask(headers: dict[str, str], allowed: bool) -> None:
    assert client().get("/", headers=headers).is_success == allowed


def test_another_site_cannot_post() -> None:
    page = client()
    assert page.post("/", headers={"Origin": "http://127.0.0.1:4300"}).is_success
    for origin in ("http://evil.example", "http://127.0.0.1:9999", "null"):
        assert page.post("/", headers={"Origin": origin}).status_code == 403
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert page.post("/", headers=visit).status_code == 403


def test_a_password_is_asked_for_before_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "WRONG_PASSWORD_S", 0.0)
    page = client("pässword:1")
    refused = page.get("/")
    assert refused.status_code == 401 and "Basic" in refused.headers["www-authenticate"]
    wrong = {"Basic eA==", "Basic !!", "Bearer", "Bearer x", "Digest x", "Basic " + "A" * 3,
             b"Basic \xe9", b"Bearer \xe9"}  # fmt: skip
    for value in wrong:
        assert page.get("/", headers={"Authorization": value}).status_code == 401
    assert page.get("/", auth=("anyone", "pässword:1".encode())).is_success
    assert page.get("/", headers={"Authorization": "Bearer the token"}).is_success
    named = {"Host": "films.example", "Authorization": "Bearer the token"}
    assert page.get("/", headers=named).is_success


def test_browsers_run_nothing_but_the_page_s_own_files() -> None:
    headers = client().get("/").headers
    policy = dict(
        each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'" and policy["style-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"


def test_others_reach_the_page_with_a_password_only() -> None:
    with pytest.raises(UserError, match="REELFLOW_BROWSE_PASSWORD"):
        serve_page(Settings(), "0.0.0.0", 0, None, print)
    with pytest.raises(UserError, match="REELFLOW_BROWSE_PASSWORD"):
        serve_page(Settings(), "0.0.0.0", 0, "", print)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "[::1]"),
     ("fd00::2", "[fd00::2]"), ("films.example", "films.example")],
)  # fmt: skip
def test_the_address_that_is_told_is_one_that_answers(host: str, shown: str) -> None:
    assert _show_host(host) == shown


def test_commands_find_a_running_page_and_no_dead_one(tmp_path) -> None:
    import os

    root = str(tmp_path / "store")
    page = RunningPage("http://127.0.0.1:1", "secret", os.getpid())
    with announce_page(root, page):
        assert find_page(root) == page
        assert find_page(str(tmp_path / "other")) is None
        assert _page_file(root).stat().st_mode & 0o077 == 0
    assert find_page(root) is None
    with announce_page(root, RunningPage("http://127.0.0.1:1", "secret", 2**22 - 1)):
        assert find_page(root) is None


def test_a_body_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    monkeypatch.setattr(body_limit, "MAX_JSON", 1000)
    routes = [Route(path, read, methods=["POST"]) for path in ("/search", "/upload")]
    page = TestClient(BodyLimit(Starlette(routes=routes)))
    assert page.post("/search", content=b"x" * 1000).text == "1000"
    large = page.post("/search", content=b"x" * 1001)
    assert large.status_code == 413 and "larger than" in large.json()["detail"]
    chunked = page.post("/search", content=iter([b"x" * 600] * 3))  # states no length
    assert chunked.status_code == 413
    assert page.post("/upload", content=b"x" * 1001).text == "1001"  # it has a bound of its own
    assert page.post("/search", headers={"Content-Length": "-1"}).status_code == 413
