import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from support import buckets
from support.paths import REPOSITORY

from data.errors import UserError
from data.settings import Settings
from data.store.lease import LeaseTimes, hold_lease, machine_id
from data.store.storage import Store
from data.workspace import Workspace, open_workspace

QUICK = LeaseTimes(renew_s=0.2, dead_s=5.0, poll_s=0.1)

LONG = replace(QUICK, dead_s=200.0)  # no late thread counts as dead, which interrupts all tests


@pytest.fixture
def store(bucket: buckets.Bucket, tmp_path: Path) -> Store:
    return Store(f"s3://videos/{tmp_path.name}")


def take(store: Store, wait_s: float = 60.0, here: str | None = None, waiting=lambda who: None):
    return hold_lease(store, "corpora/c/embed", "runs embed on c", wait_s, waiting, here, QUICK)


HOLD = f"""
import sys, time
sys.path.insert(0, {str(REPOSITORY)!r})
from data.store.lease import LeaseTimes, hold_lease
from data.store.storage import Store

with hold_lease(Store(sys.argv[1]), "corpora/c/embed", "runs embed on c", 0, print, None, {QUICK}):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(store: Store) -> Iterator[subprocess.Popen]:
    """Another process, which holds the lease."""
    words = [sys.executable, "-c", HOLD, store.root]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_what_is_given_back_is_free_at_once_and_leaves_one_object(store: Store) -> None:
    for _ in range(3):
        with take(store, wait_s=0):
            pass
    assert len(store.list_names("locks/corpora-c-embed")) == 1


def test_who_waits_is_messages_for_whom_and_patience_has_an_end(store: Store, holder) -> None:
    messages: list[str] = []
    with pytest.raises(UserError, match=f"process {holder.pid} on {socket.gethostname()} runs"):
        with take(
            store, wait_s=1.5 * QUICK.dead_s, waiting=messages.append
        ):  # it is renewed meanwhile
            pass
    assert len(messages) == 1 and f"process {holder.pid} on {socket.gethostname()}" in messages[0]


def test_a_killed_holder_is_followed_when_it_counts_as_dead(store: Store, holder) -> None:
    holder.kill()
    with pytest.raises(UserError), take(store, wait_s=0):
        pass
    with take(store, wait_s=60):
        assert len(store.list_names("locks/corpora-c-embed", ".json")) == 1


@pytest.mark.slow
def test_nobodys_clock_but_the_stores_counts(
    store: Store, holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (-400, 400):
        monkeypatch.setattr(time, "time", lambda days=days: days * 86400.0)
        with pytest.raises(UserError), take(store, wait_s=0):
            pass
    holder.kill()
    with take(store, wait_s=60):
        pass


def test_a_killed_holder_of_this_machine_is_followed_at_once(store: Store, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    here = machine_id(lock)
    if here is None:
        pytest.skip("nothing tells this machine from others")
    store.write_if_absent("locks/corpora-c-embed/000000007.json",
                b'{"pid": 1, "host": "h", "here": "%s", "is": ""}' % here.encode())  # fmt: skip
    with pytest.raises(UserError), take(store, wait_s=0, here="elsewhere"):
        pass
    with take(store, wait_s=0, here=here):
        assert store.list_names("locks/corpora-c-embed") == ["locks/corpora-c-embed/000000008.json"]


@pytest.mark.slow
def test_of_many_who_try_at_once_one_holds_at_a_time(store: Store) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work(_: int) -> None:
        nonlocal inside, most
        with hold_lease(store, "corpora/c/embed", "runs", 240.0, lambda who: None, None, LONG):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.05)
            with guard:
                inside -= 1

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert most == 1


@pytest.mark.parametrize("job", ["foreground", "background"])
def test_who_was_taken_for_dead_is_interrupted(store: Store, job: str) -> None:
    """Also where a shell runs it in the background, which makes it ignore interrupts."""
    ignored = job == "background"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
    try:
        with pytest.raises(UserError, match="lease"), take(store):
            store.write_if_absent("locks/corpora-c-embed/000000099.json", b"{}")
            threading.Event().wait(60)
            pytest.fail("it was not interrupted")
        assert (signal.getsignal(signal.SIGINT) is signal.SIG_IGN) == ignored
    finally:
        signal.signal(signal.SIGINT, before)
    assert store.list_names("locks/corpora-c-embed")[-1].endswith("99.json")


def test_an_answer_that_is_lost_costs_nobody_the_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Store.write_if_absent
    monkeypatch.setattr(Store, "write_if_absent", lambda self, *a: write(self, *a) and False)
    with take(store, wait_s=0):
        assert len(store.list_names("locks/corpora-c-embed")) == 1


def test_a_stage_of_a_remote_store_is_one_machines_at_a_time(store: Store, tmp_path: Path) -> None:
    def workspace(name: str) -> Workspace:
        """As another machine has it: with a catalogue and locks of its own."""
        where = str(tmp_path / name / "catalog.duckdb")
        return open_workspace(Settings(root=store.root, catalog=where, wait_s=0))

    with ExitStack() as held:
        held.enter_context(workspace("one").lock_stage("c", "embed", print))
        held.enter_context(workspace("two").lock_stage("c", "pool", print))
        with pytest.raises(UserError, match=f"process {os.getpid()} on .* runs embed on c"):
            with workspace("two").lock_stage("c", "embed", print):
                pass
    with workspace("two").lock_stage("c", "embed", print):
        pass
