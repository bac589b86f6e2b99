"""Every way in which a server misbehaves is the error of one file, and of its kind."""

import socket
from collections.abc import Iterator

import pytest
from support.bad_server import BadServer, serve

from engines.files import faults, web, web_reader
from engines.files.access import UrlPolicy
from engines.files.faults import BadAddress, Unreachable
from engines.files.media import open_media, stat_media

OPEN = UrlPolicy(private=True)
BODY = bytes(range(256)) * 3000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BadServer]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "a.mp4").write_bytes(BODY)
    from fsspec.implementations.http import HTTPFileSystem

    with pytest.MonkeyPatch.context() as patch, serve(folder) as served:
        patch.setattr(faults, "PAUSES_S", (0.0, 0.0))
        patch.setattr(web, "READ_TIMEOUT_S", 0.5)
        patch.setattr(web, "ANSWER_TIMEOUT_S", 2.0)
        patch.setattr(web, "STAT_TIMEOUT_S", 1.0)
        patch.setattr(web_reader, "MAX_COPIED_BYTES", 8 << 20)
        HTTPFileSystem.clear_instance_cache()
        yield served
        HTTPFileSystem.clear_instance_cache()


def read(url: str) -> bytes:
    with open_media(url, OPEN) as file:
        return file.read()


@pytest.mark.parametrize("kind", ["good", "whole", "unsized", "flaky"])
def test_a_file_is_read_from_any_server_that_sends_it(server: BadServer, kind: str) -> None:
    with open_media(f"{server.url}/{kind}/a.mp4", OPEN) as file:
        assert file.read(10) == BODY[:10]
        assert file.seek(0, 2) == len(BODY)
        file.seek(-5, 2)
        assert file.read() == BODY[-5:]
        file.seek(700)
        assert file.read(100) == BODY[700:800]
        file.seek(0)
        assert file.read() == BODY


@pytest.mark.parametrize(
    "kind",
    ["401", "403", "429", "500", "503", "cut", "short", "long", "huge", "endless", "silent",
     "drip", "loop", "nowhere", "rude", "noise"],
)  # fmt: skip
def test_what_a_server_does_not_deliver_is_unreachable(server: BadServer, kind: str) -> None:
    with pytest.raises(Unreachable) as fault:
        read(f"{server.url}/{kind}/a.mp4")
    assert server.url not in str(fault.value)


@pytest.mark.parametrize("kind", ["404", "410"])
def test_what_is_gone_is_missing_and_asked_for_once(server: BadServer, kind: str) -> None:
    with pytest.raises(FileNotFoundError):
        read(f"{server.url}/{kind}/once.mp4")
    assert server.requests[f"/{kind}/once.mp4"] == 2  # HEAD, then GET


def test_what_may_pass_is_tried_three_times(server: BadServer) -> None:
    for kind, requests in (("503", 6), ("403", 2)):
        with pytest.raises(Unreachable):
            stat_media(f"{server.url}/{kind}/thrice.mp4", OPEN)
        assert server.requests[f"/{kind}/thrice.mp4"] == requests


@pytest.mark.parametrize("url", ["http://nobody.invalid/a.mp4", "http://127.0.0.1:{port}/a.mp4",
                                 "https://127.0.0.1:{served}/a.mp4"])  # fmt: skip
def test_a_host_that_does_not_answer_is_unreachable(server: BadServer, url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for ask in (stat_media, open_media):
        with pytest.raises(Unreachable):
            ask(url.format(port=port, served=server.server_port), OPEN)


@pytest.mark.parametrize(
    ("url", "library"),
    [("gs://b/a.mp4", "gcsfs"), ("az://b/a.mp4", "adlfs"), ("abfs://b/a.mp4", "adlfs"),
     ("sftp://h/a.mp4", "paramiko"), ("smb://h/s/a.mp4", "smbprotocol"), ("nosuch://x/a.mp4", "")],
)  # fmt: skip
def test_a_scheme_without_its_library_names_what_to_install(url: str, library: str) -> None:
    for ask in (stat_media, open_media):
        with pytest.raises(BadAddress, match=f"install {library}" if library else "nosuch"):
            ask(url)


@pytest.mark.parametrize("url", ["http://", "http:///a.mp4", "http://h:99999/a.mp4", "http://[x/a",
                                 "https://h:port/a.mp4"])  # fmt: skip
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises((BadAddress, Unreachable)):
        stat_media(url, OPEN)
