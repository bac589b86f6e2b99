"""The cluster launcher's file: what `ray up` takes, and commands that Ray knows."""

import shlex

import pytest
from support import packaging

CLUSTER = packaging.documents("ray-cluster.yaml")[0]


def test_ray_takes_the_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(CLUSTER)
    validate_config(prepared)
    assert prepared["max_workers"] == len(CLUSTER["provider"]["worker_ips"])


@pytest.mark.parametrize("kind", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_ray_is_started_with_a_token_and_options_that_it_knows(kind: str) -> None:
    [line] = CLUSTER[kind]
    words = shlex.split(line)
    assert "RAY_AUTH_MODE=token" in words
    first = next(n for n, word in enumerate(words) if word.endswith("/bin/ray"))
    packaging.understands(["ray", *words[first + 1 :]])


def test_no_ray_of_anybody_else_is_stopped() -> None:
    assert "ray stop" not in (packaging.DEPLOYMENTS / "ray-cluster.yaml").read_text()


def test_every_node_gets_the_token() -> None:
    assert CLUSTER["file_mounts"] == {"~/.ray/auth_token": "~/.ray/auth_token"}
