"""A real HTTP server that speaks chat completions as a script tells it, faults included."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Scripted:
    """One reply: its status, headers and body; `cut` bytes of it are kept back."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    wait: threading.Event | None = None


def completion(text: str | None, **more: Any) -> Scripted:
    """A chat completion of this text."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    choice |= {"finish_reason": "stop"} | more
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    return Scripted(body=json.dumps({"choices": [choice], "usage": usage}).encode())


def refusal(status: int, message: str, **headers: str) -> Scripted:
    """An error as such servers word them."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Scripted(status, json.dumps({"error": {"message": message}}).encode(), named)


@dataclass
class ChatServer:
    """The address of a running server, and the requests that it got: headers and body."""

    address: str
    requests: list[tuple[dict[str, str], dict[str, Any]]]


@contextmanager
def serve(
    reply: Callable[[dict[str, Any], int], Scripted], models=("tiny",)
) -> Iterator[ChatServer]:
    """Serves `reply(body, number of the request)` to chat completions, and the list of models."""
    seen = ChatServer("", [])
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: no delayed acknowledgement in between

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            names = [{"id": name} for name in models]
            self._send(Scripted(body=json.dumps({"data": names}).encode()))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                seen.requests.append((dict(self.headers), body))
                number = len(seen.requests) - 1
            self._send(reply(body, number))

        def _send(self, scripted: Scripted) -> None:
            if scripted.wait is not None:
                scripted.wait.wait(30)
            self.send_response(scripted.status)
            for name, value in scripted.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(scripted.body)))
            self.end_headers()
            self.wfile.write(scripted.body[: len(scripted.body) - scripted.cut])
            if scripted.cut:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    seen.address = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
