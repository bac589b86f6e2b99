"""CPU of each test, with all processes that it started and that have ended or still run.

`pytest -p support.spent` ends with the costliest files and tests in seconds of CPU, which other
work on the machine does not change much. What a test leaves running, as a server that is shared, is
counted where it is spent.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

SHOWN = 40
NAME = "cpu_s"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    before = count_cpu()
    item.stash[BEGUN] = before
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    now = count_cpu()
    report.user_properties.append((NAME, now - item.stash[BEGUN]))
    item.stash[BEGUN] = now
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    files: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, spent in getattr(report, "user_properties", ()):
                if name == NAME:
                    tests[report.nodeid] += spent
                    files[report.nodeid.split("::")[0]] += spent
    for about, counted in (("files", files), ("tests", tests)):
        terminalreporter.section(f"{sum(counted.values()):.0f} s of CPU: the costliest {about}")
        for name, spent in counted.most_common(SHOWN):
            terminalreporter.write_line(f"{spent:8.1f} {name}")


def count_cpu() -> float:
    """Seconds of CPU of this process and of all below it, ended or not."""
    own = os.times()
    spent = own.user + own.system + own.children_user + own.children_system
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            times = child.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


BEGUN = pytest.StashKey[float]()
