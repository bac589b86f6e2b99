"""Flows and tasks as the functions that they are: no server, no runs, no states.

For tests of what a flow does, which so take two thirds of the time; tests of what Prefect adds ask
for `prefect_backend`, and get it. Parameters are validated either way.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import pytest
from prefect import Flow, Task
from prefect.utilities.callables import get_call_parameters


class PlainFuture(Future):
    """A task under way, as far as flows ask Prefect's futures for it."""

    def wait(self, timeout: float | None = None) -> None:
        self.exception(timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        error = self.exception(timeout)
        if error is None:
            return super().result()
        if raise_on_failure:
            raise error
        return error


class PlainFlows:
    """Calls flows and tasks plainly while `on`, and by Prefect otherwise."""

    def __init__(self) -> None:
        self.on = True
        self._threads = ThreadPoolExecutor(32)

    @contextmanager
    def switched(self, on: bool) -> Iterator[None]:
        """Plain or not for the block."""
        before, self.on = self.on, on
        try:
            yield
        finally:
            self.on = before

    def patch(self, patch: pytest.MonkeyPatch) -> None:
        """Has the calls of flows and tasks come here first."""
        for owner, name, plain in ((Flow, "__call__", call_flow), (Task, "__call__", call_task),
                                   (Task, "submit", self.submit)):  # fmt: skip
            patch.setattr(owner, name, self._either(plain, getattr(owner, name)))

    def submit(self, task: Task, *args: Any, **kwargs: Any) -> PlainFuture:
        """Runs the task's function in a thread, with the context of the caller."""
        future, context = PlainFuture(), copy_context()
        self._threads.submit(context.run, _fulfil, future, task.fn, args, kwargs)
        return future

    def close(self) -> None:
        self._threads.shutdown()

    def _either(self, plain: Callable, prefects: Callable) -> Callable:
        def call(called: Flow | Task, *args: Any, **kwargs: Any) -> Any:
            return (plain if self.on else prefects)(called, *args, **kwargs)

        return call


def call_flow(flow: Flow, *args: Any, **kwargs: Any) -> Any:
    known = get_call_parameters(flow.fn, args, kwargs)
    return flow.fn(**flow.validate_parameters(known))


def call_task(task: Task, *args: Any, **kwargs: Any) -> Any:
    return task.fn(*args, **kwargs)


def _fulfil(future: PlainFuture, function: Callable, args: tuple, kwargs: dict) -> None:
    try:
        future.set_result(function(*args, **kwargs))
    except BaseException as error:
        future.set_exception(error)
