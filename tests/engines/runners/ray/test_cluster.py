import os
import subprocess

import pytest

from data.errors import UserError
from engines.runners.ray.cluster import RAY_DEFAULTS, connect_cluster, start_ray


class Slow:
    """A Ray that comes up at its nth start; each leaves a process running, as Ray does."""

    def __init__(self, nth: int) -> None:
        self.nth, self.started = nth, list[subprocess.Popen]()

    def __call__(self) -> None:
        self.started.append(subprocess.Popen(["sleep", "600"]))
        if len(self.started) < self.nth:
            raise Exception("The current node timed out\nduring startup.")

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()


def test_a_ray_that_is_slow_to_start_is_started_again_and_leaves_nothing_behind() -> None:
    slow = Slow(3)
    start_ray(slow)
    for process in slow.started[:2]:
        assert process.wait(30) == -9
    assert slow.started[2].poll() is None
    slow.end()


def test_a_ray_that_never_starts_is_one_line_that_says_what_to_do() -> None:
    slow = Slow(9)
    with pytest.raises(UserError, match=r"2 tries .*The current node timed out during"):
        start_ray(slow, tries=2)
    assert [process.wait(30) for process in slow.started] == [-9, -9]


@pytest.mark.ray
def test_what_the_user_has_set_is_kept(ray_cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RAY_DEFAULTS:
        monkeypatch.setenv(name, "7")
    assert connect_cluster(None) is False  # there is one already
    assert {os.environ[name] for name in RAY_DEFAULTS} == {"7"}
