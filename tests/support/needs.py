"""What a test needs beside Python, told by its fixtures and by the helpers that it calls.

So no test need be marked by hand, and none is forgotten: `make check` leaves out what is marked.
"""

from collections.abc import Callable, Iterator
from functools import cache
from inspect import isclass, isfunction, ismodule, unwrap
from types import CodeType
from typing import Any

import pytest

FIXTURES = {"ray_cluster": "ray", "prefect_backend": "service", "served_backend": "service",
            "plain_flows": "slow"}  # fmt: skip
HELPERS = {  # a helper, or all of a module
    "support.browser.opened": "browser",
    "support.commands.Shop": "commands",
    "support.running.started": "service",
    "support.topology.Postgres": "postgres",
}


def mark(item: pytest.Function) -> None:
    """Gives a test the markers of what it needs."""
    names = item.fixturenames
    found = {FIXTURES[name] for name in names if name in FIXTURES}
    known = item._fixtureinfo.name2fixturedefs
    fixtures = [each.func for name in names for each in known.get(name, ())]
    for function in (item.function, *fixtures):
        found |= _called(unwrap(function))
    for name in sorted(found):
        item.add_marker(name)


@cache
def _called(function: Callable) -> frozenset[str]:
    """The markers of all helpers that a function calls, itself or by another one of the tests."""
    seen, found, left = {function}, set(), [function]
    while left:
        for each in _named(left.pop()):
            found |= {HELPERS[name] for name in [_name(each)] if name in HELPERS}
            inner = vars(each).values() if isclass(each) else [each]
            more = {unwrap(f) for f in inner if isfunction(f)} - seen
            seen |= more
            left += more
    return frozenset(found)


def _named(function: Callable) -> Iterator[Any]:
    """The functions and classes of the tests that a function's code names."""
    for code in _codes(function.__code__):
        for name in code.co_names:
            known = function.__globals__.get(name)
            of_module = [vars(known).get(part) for part in code.co_names] if ismodule(known) else []
            yield from (each for each in (known, *of_module) if _is_of_tests(each))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and that of the functions within."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_of_tests(each: Any) -> bool:
    if not (isfunction(each) or isclass(each)):
        return False
    return each.__module__.split(".")[0] in ("support", "tests") or "test_" in each.__module__


def _name(each: Any) -> str:
    return f"{each.__module__}.{each.__qualname__}"
