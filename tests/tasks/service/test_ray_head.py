"""A Ray of its own process: joined with its token, refused without, gone with its process."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tasks.service.processes import end_process
from tasks.service.ray_head import ensure_token, find_free_port, start_head

JOINS = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
print(ray.get(ray.remote(lambda: "worked").options(num_cpus=1).remote()))
"""


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_who_has_the_token_works_on_it_and_with_its_process_all_of_it_ends(tmp_path: Path) -> None:
    address, token = f"127.0.0.1:{find_free_port()}", ensure_token(tmp_path)
    environment = os.environ | token
    assert Path(token["RAY_AUTH_TOKEN_PATH"]).stat().st_mode & 0o777 == 0o600
    assert ensure_token(tmp_path) == token
    head = start_head(address, tmp_path, tmp_path, environment)
    family = psutil.Process(head.pid).children(recursive=True)
    try:
        assert family
        assert _joined(address, environment).stdout == "worked\n"
        stranger = environment | {"RAY_AUTH_TOKEN": "0" * 64, "RAY_NUM_REDIS_GET_RETRIES": "2"}
        refused = _joined(address, stranger)
        assert refused.returncode and "ConnectionError" in refused.stderr
    finally:
        end_process(head)
    assert not head.alive
    assert not psutil.wait_procs(family, timeout=60)[1]


def _joined(address: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", JOINS, address]
    return subprocess.run(words, env=environment, capture_output=True, text=True)
