"""The decoder process: answers one request after another, until its parent is gone."""

import os
import socket
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import asdict
from importlib import import_module

from data.errors import UserError
from data.secrets import strip_secrets
from engines.base import load_plugin
from engines.children import open_parent_socket
from engines.files import media
from engines.files.access import UrlPolicy
from engines.files.urls import is_url
from engines.memory import is_out_of_memory
from engines.video.frames import DecodeError, Frames, ReadStats, Resize, Sampling
from engines.video.guard.heartbeat import set_listener
from engines.video.guard.limits import limit_memory
from engines.video.guard.protocol import (
    ConnectionClosed,
    Header,
    receive_message,
    send_frames,
    send_message,
)
from engines.video.guard.source import verify_source


def main() -> None:
    """Answers requests on the parent's socket."""
    sock = open_parent_socket()
    set_listener(lambda: send_message(sock, {"kind": "alive"}))
    warmed: set[str] = set()
    try:
        while True:
            answer_request(sock, receive_message(sock)[0], warmed)
    except ConnectionClosed:
        os._exit(0)


def warm_up_once(name: str, imports: Callable[[], None], request: Header, warmed: set[str]) -> None:
    """Imports without a memory limit and then sets it, once for each kind of work."""
    if name not in warmed:
        limit_memory(float("inf"))
        imports()
        limit_memory(request["memory_gb"])
        warmed.add(name)


def warm_up_storage(uri: str, request: Header, warmed: set[str]) -> None:
    """Connects the client that reads the URI, once for each kind of address."""
    kind = uri.partition("://")[0] if is_url(uri) else "file"
    warm_up_once(kind, lambda: media.warm_up(uri, _read_policy(request)), request, warmed)


def _read_policy(request: Header) -> UrlPolicy:
    fields = request["policy"]
    return UrlPolicy(**fields | {"schemes": tuple(fields["schemes"])})


def answer_request(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    """Runs a request and sends its answer, up to a final message."""
    try:
        if request["op"] == "probe":
            _answer_probe(sock, request, warmed)
        elif request["op"] == "work":
            _answer_module(sock, request, warmed)
        elif request["op"] == "sound":
            _answer_sound(sock, request, warmed)
        else:
            _answer_decode(sock, request, warmed)
    except DecodeError as fault:
        failed = {"kind": "failed", "reason": fault.reason, "detail": strip_secrets(str(fault))}
        send_message(sock, failed)
    except ConnectionClosed:
        raise
    except Exception as error:
        send_message(sock, _classify_error(error))


def _classify_error(error: Exception) -> Header:
    """Out of memory is the video's fault, a UserError the user's; anything else is a bug."""
    if isinstance(error, UserError):
        return {"kind": "user_error", "detail": strip_secrets(str(error))}
    if is_out_of_memory(error):
        detail = "needs more memory than a decoder may use"
        return {"kind": "failed", "reason": "undecodable", "detail": detail}
    return {"kind": "error", "traceback": strip_secrets(traceback.format_exc())}


def _answer_probe(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    from engines.video import probe

    if not (uri := request["uri"]).startswith("fake://"):
        warm_up_once("probe", probe.warm_up, request, warmed)
        warm_up_storage(uri, request, warmed)
    send_message(sock, {"kind": "begin"})
    value = asdict(probe.probe_video(uri, _read_policy(request)))
    send_message(sock, {"kind": "done", "value": value})


def _answer_module(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    module = import_module(request["module"])
    warm_up_once(request["module"], module.warm_up, request, warmed)
    send_message(sock, {"kind": "begin"})
    send_message(sock, {"kind": "done", "value": module.work(**request["arguments"])})


def _answer_decode(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    uri = request["uri"]
    name = "fake" if uri.startswith("fake://") else request["decoder"]
    decoder = load_plugin("video.decoders", name)
    sampling = Sampling(**request["sampling"])
    resize = Resize(**request["resize"]) if request["resize"] else None
    imports = getattr(decoder, "warm_up", lambda resize: None)
    warm_up_once(f"{name} {resize is not None}", lambda: imports(resize), request, warmed)
    warm_up_storage(uri, request, warmed)
    send_message(sock, {"kind": "begin"})  # imports are over: the video's deadline starts here
    policy = _read_policy(request)
    parts = decoder.decode_frames(uri, sampling, resize, request["chunk"], policy)
    _stream_frames(sock, verify_source(parts, uri, request["source"], policy), sampling.max_bytes)


def _answer_sound(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    from engines.video import sound

    uri, policy = request["uri"], _read_policy(request)
    warm_up_once("sound", sound.warm_up, request, warmed)
    warm_up_storage(uri, request, warmed)
    send_message(sock, {"kind": "begin"})
    parts = sound.decode_sound(uri, policy)
    _stream_frames(sock, verify_source(parts, uri, request["source"], policy), None, silent=True)


def _stream_frames(
    sock: socket.socket, parts: Generator[Frames, None, ReadStats | None], max_bytes: int | None,
    silent: bool = False,
) -> None:  # fmt: skip
    busy, count, size = 0.0, 0, 0
    while True:
        started = time.perf_counter()
        try:
            part = next(parts)
        except StopIteration as stop:
            reading = stop.value or ReadStats()
            break
        finally:
            busy += time.perf_counter() - started
        count += len(part.index)
        size += part.pixels.nbytes
        if max_bytes is not None and size > max_bytes:
            limit = f"{max_bytes / 2**30:g} GB"
            raise DecodeError("too_long", f"its frames take more than {limit}")
        send_frames(sock, part)
    if not count and not silent:
        raise DecodeError("empty", "no frames")
    stats = {"frames": count, "decode_s": max(0.0, busy - reading.read_s)} | asdict(reading)
    send_message(sock, {"kind": "done", "value": stats})
