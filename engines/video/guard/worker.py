"""The child's side of a guard: one request after another, until the parent is gone."""

import ctypes
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from data.errors import UserError
from engines.base import plugin
from engines.files import media
from engines.files.media import is_url
from engines.video.container import Reading
from engines.video.frames import DecodeError, Frames, Resize, Sampling
from engines.video.guard.heartbeat import listen
from engines.video.guard.protocol import Closed, Header, receive, send, send_frames

PR_SET_PDEATHSIG = 1


def main() -> None:
    """`guard_child ROOT FD`: answers requests on the socket `FD`."""
    sock = socket.socket(fileno=int(sys.argv[2]))
    die_with_parent(sock)
    listen(lambda: send(sock, {"kind": "alive"}))
    warmed: set[str] = set()
    no_core_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    try:
        while True:
            answer(sock, receive(sock)[0], warmed)
    except Closed:
        os._exit(0)


def die_with_parent(sock: socket.socket) -> None:
    """Ends this process when the parent ends, even while a codec hangs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(sock.fileno(),), daemon=True).start()


def _watch(fd: int) -> None:
    hangup = select.poll()
    hangup.register(fd, getattr(select, "POLLRDHUP", 0) | select.POLLHUP)
    hangup.poll()
    os._exit(0)


def no_core_dumps() -> None:
    """A codec that crashes leaves no gigabytes behind."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_memory(gigabytes: float) -> None:
    """Makes allocation fail beyond what is in use now and this: a bomb is its video's fault.

    What the imports take is not counted: 0.1 GB for PyAV, 0.8 GB with torch.
    """
    import resource

    # Not RLIMIT_AS: torch maps gigabytes of libraries that it never touches.
    limit = resource.RLIM_INFINITY
    if gigabytes != float("inf"):
        limit = _in_use() + int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))


def _in_use() -> int:
    try:
        pages = Path("/proc/self/statm").read_text().split()[5]
    except FileNotFoundError:
        return 1 << 30
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def warm(name: str, imports: Callable[[], None], request: Header, warmed: set[str]) -> None:
    """Imports without a memory limit and then sets it, once for each kind of work."""
    if name not in warmed:
        limit_memory(float("inf"))
        imports()
        limit_memory(request["memory_gb"])
        warmed.add(name)


def warm_storage(uri: str, request: Header, warmed: set[str]) -> None:
    """The same for what reads the uri, once for each kind of address."""
    kind = uri.partition("://")[0] if is_url(uri) else "file"
    warm(kind, lambda: media.warm(uri), request, warmed)


def answer(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    """Does what is asked and says how it ended."""
    try:
        if request["op"] == "probe":
            _probe(sock, request, warmed)
        elif request["op"] == "work":
            _work(sock, request, warmed)
        else:
            _decode(sock, request, warmed)
    except DecodeError as fault:
        send(sock, {"kind": "failed", "reason": fault.reason, "detail": str(fault)})
    except Closed:
        raise
    except Exception as error:
        send(sock, _verdict(error))


def _verdict(error: Exception) -> Header:
    """Out of memory is the video's fault, what users can mend theirs; all else the program's."""
    if isinstance(error, UserError):
        return {"kind": "mend", "detail": str(error)}
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        detail = "needs more memory than a decoder may take"
        return {"kind": "failed", "reason": "undecodable", "detail": detail}
    return {"kind": "error", "traceback": traceback.format_exc()}


def _probe(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    from engines.video import probe

    uri = request["uri"]
    if not uri.startswith("fake://"):
        warm("probe", probe.warm, request, warmed)
        warm_storage(uri, request, warmed)
    send(sock, {"kind": "begin"})
    send(sock, {"kind": "done", "value": asdict(probe.probe(uri))})


def _work(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    module = import_module(request["module"])
    warm(request["module"], module.warm, request, warmed)
    send(sock, {"kind": "begin"})
    send(sock, {"kind": "done", "value": module.work(**request["asked"])})


def _decode(sock: socket.socket, request: Header, warmed: set[str]) -> None:
    uri = request["uri"]
    name = "fake" if uri.startswith("fake://") else request["decoder"]
    decoder = plugin("video.decoders", name)
    sampling = Sampling(**request["sampling"])
    resize = Resize(**request["resize"]) if request["resize"] else None
    imports = getattr(decoder, "warm", lambda resize: None)
    warm(f"{name} {resize is not None}", lambda: imports(resize), request, warmed)
    warm_storage(uri, request, warmed)
    send(sock, {"kind": "begin"})  # imports are over: from here on it is the video's time
    parts = decoder.frames(uri, sampling, resize, request["chunk"])
    _stream(sock, parts, sampling.max_bytes)


def _stream(
    sock: socket.socket, parts: Generator[Frames, None, Reading | None], most: int | None
) -> None:
    busy, count, size = 0.0, 0, 0
    while True:
        begun = time.perf_counter()
        try:
            part = next(parts)
        except StopIteration as stop:
            reading = stop.value or Reading()
            break
        finally:
            busy += time.perf_counter() - begun
        count += len(part.index)
        size += part.pixels.nbytes
        if most is not None and size > most:
            raise DecodeError("too_long", f"its frames take more than {most / 2**30:g} GB")
        send_frames(sock, part)
    if not count:
        raise DecodeError("empty", "no frames")
    stats = {"frames": count, "decode_s": max(0.0, busy - reading.read_s)} | asdict(reading)
    send(sock, {"kind": "done", "value": stats})
