"""Env files: every name is one that somebody reads, and every value one that they take."""

from pathlib import Path

import prefect.settings
import pytest
from support import packaging

from data.settings import Settings
from tasks.service.commands import RETRIES, build_environment

PROFILES = sorted(f"profiles/{file.name}" for file in packaging.DEPLOYMENTS.glob("profiles/*.env"))
ENV_FILES = [*PROFILES, "server.env"]
MINE = {f"REELFLOW_{name.upper()}" for name in Settings.model_fields}


def test_there_is_a_profile_of_each_size() -> None:
    assert [Path(file).stem for file in PROFILES] == ["cluster", "laptop", "one-gpu"]


@pytest.mark.parametrize("file", PROFILES)
def test_a_profile_is_settings_that_exist_with_values_that_they_take(file, monkeypatch) -> None:
    given = packaging.environment(file)
    mine = {name: value for name, value in given.items() if name.startswith("REELFLOW_")}
    assert mine and mine.keys() <= MINE
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    for name, value in mine.items():
        assert str(getattr(settings, name.removeprefix("REELFLOW_").lower())) in (
            value,
            f"{value}.0",
        )


@pytest.mark.parametrize("file", ENV_FILES)
def test_prefects_settings_exist_with_values_that_it_takes(file, monkeypatch) -> None:
    given = {n: v for n, v in packaging.environment(file).items() if n.startswith("PREFECT_")}
    assert given and given.keys() <= packaging.prefects_variables()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    prefect.settings.Settings()


def test_rays_variables_are_ones_that_ray_reads() -> None:
    from ray._common.usage.usage_constants import USAGE_STATS_ENABLED_ENV_VAR
    from ray._private.authentication.authentication_token_setup import AUTH_MODE_ENV_VAR

    named = {n for file in ENV_FILES for n in packaging.environment(file) if n.startswith("RAY_")}
    assert named == {AUTH_MODE_ENV_VAR, USAGE_STATS_ENABLED_ENV_VAR}


def test_the_server_on_a_cluster_keeps_nothing_in_its_own_memory() -> None:
    server = packaging.environment("server.env")
    parts = [value for value in server.values() if value.startswith("prefect_redis.")]
    assert len(parts) == 5
    assert "prefect-redis" in packaging.locked("deployments/server.lock")
    # Each has a connection of its own, and looks on its own machine where it is given none.
    given = packaging.compose()["services"]["prefect-services"]["environment"]
    connections = [url for url in filter(None, given.values()) if url.startswith("redis://")]
    assert len(connections) == 3 and all("@redis:6379/" in url for url in connections)


def test_on_a_cluster_no_run_starts_a_server_of_its_own() -> None:
    assert (
        packaging.environment("profiles/cluster.env")["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"]
        == "false"
    )


@pytest.mark.parametrize("file", PROFILES)
def test_a_run_outlives_a_restart_of_its_server(file: str) -> None:
    given = packaging.environment(file)
    assert given.items() >= RETRIES.items()


def test_the_service_of_one_machine_retries_as_the_profiles_do(tmp_path: Path) -> None:
    built = build_environment(Settings(root=str(tmp_path)), tmp_path, "http://127.0.0.1:1/api")
    assert built.items() >= RETRIES.items()
