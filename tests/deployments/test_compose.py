"""compose.yaml: valid, closed to the outside, limited, and made of commands that exist."""

import json
import re
from importlib import metadata
from pathlib import Path

import jsonschema
import pytest
from support import packaging

from data.settings import Settings

FILES = ("compose.yaml", "compose.cuda.yaml")
SERVICES = packaging.compose()["services"]
MINE = [name for name, service in SERVICES.items() if service["image"].startswith("reelflow:")]
FOREIGN_NAMES = ("AWS_", "GF_", "MINIO_", "POSTGRES_", "REDISCLI_", "RAY_AUTH_", "PREFECT_REDIS_")


@pytest.mark.parametrize("file", FILES)
def test_the_file_is_valid_by_the_compose_specification(file: str) -> None:
    try:
        brought = metadata.distribution("check-jsonschema")
    except metadata.PackageNotFoundError:
        pytest.skip(
            "the specification's schema comes with check-jsonschema, which is not installed"
        )
    schema = brought.locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    jsonschema.validate(packaging.documents(file)[0], json.loads(Path(schema).read_text()))


@pytest.mark.parametrize("missing", packaging.GIVEN)
def test_a_secret_has_no_default(missing: str, monkeypatch) -> None:
    monkeypatch.delitem(packaging.GIVEN, missing)
    with pytest.raises(KeyError, match=missing):
        packaging.compose()


def test_no_secret_is_written_down() -> None:
    text = (packaging.DEPLOYMENTS / "compose.yaml").read_text()
    for name, value in re.findall(
        r"^ *(\w*(?:PASSWORD|TOKEN|SECRET)\w*): *(\S*)", text, re.MULTILINE
    ):
        assert value.startswith("${") or not value, f"{name} is written down"


def test_nothing_is_published_beyond_this_machine_unless_asked() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    asked = packaging.compose(PUBLISH_ON="0.0.0.0")["services"]["prefect-server"]["ports"]
    assert asked == ["0.0.0.0:4200:4200"]


@pytest.mark.parametrize("name", MINE)
def test_a_command_and_its_options_exist(name: str) -> None:
    packaging.understands(SERVICES[name]["command"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits_and_a_pinned_image(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert {"cpus", "memory"} <= limits.keys()
    assert not SERVICES[name]["image"].endswith(":latest") and ":" in SERVICES[name]["image"]


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_can_be_named_by_its_digest(name: str) -> None:
    written = packaging.documents("compose.yaml")[0]["services"][name]["image"]
    variable = re.fullmatch(r"\$\{(\w*IMAGE):-.+\}", written)
    assert variable, "a digest is known only where images are fetched: it has to be a variable"
    pinned = f"a/b@sha256:{'0' * 64}"
    assert packaging.compose(**{variable[1]: pinned})["services"][name]["image"] == pinned


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_gain_no_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    allowed = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    assert set(service.get("cap_add", [])) <= (allowed if name in ("postgres", "redis") else set())


@pytest.mark.parametrize("name", MINE)
def test_our_containers_write_only_where_something_is_mounted(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    written = {entry.split(":")[0] for entry in SERVICES[name]["tmpfs"]}
    assert {"/tmp", "/home/reelflow", "/var/lib/reelflow"} == written


def test_decoders_share_no_network_with_database_or_server() -> None:
    networks = {name: set(service.get("networks", [])) for name, service in SERVICES.items()}
    assert networks["ray-worker"] == {"ray"}
    for name in ("postgres", "redis", "prefect-server", "prefect-services"):
        assert not networks[name] & networks["ray-worker"]
    assert networks["postgres"] == networks["redis"] == {"database"}
    assert packaging.compose()["networks"]["database"] == {"internal": True}
    declared = packaging.compose()["networks"].keys()
    assert set().union(*networks.values()) == declared
    for name, service in SERVICES.items():
        assert networks[name] or service["network_mode"] == "service:ray-head"
    reach = networks["ray-head"] & networks["prefect-server"]
    assert reach == {"prefect"}, "flows run in the head's network"


def test_a_password_of_the_server_reaches_who_asks_it() -> None:
    for name, service in SERVICES.items():
        if name in ("prefect-server", "prefect-services"):
            assert "PREFECT_SERVER_API_AUTH_STRING" in service["environment"]
        elif name in MINE and name != "prefect-migrate":
            assert "PREFECT_API_AUTH_STRING" in service["environment"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_exists_and_can_say_that_it_is_there(name: str) -> None:
    wanted = SERVICES[name].get("depends_on", {})
    for other in wanted:
        how = wanted[other]["condition"] if isinstance(wanted, dict) else "service_started"
        if how == "service_healthy":
            assert SERVICES[other].get("healthcheck", {}).get("test") or other == "prefect-server"


@pytest.mark.parametrize("name", SERVICES)
def test_volumes_are_declared_and_environment_names_exist(name: str) -> None:
    service = SERVICES[name]
    named = {volume.split(":")[0] for volume in service.get("volumes", [])}
    assert {v for v in named if not v.startswith((".", "/"))} <= set(packaging.compose()["volumes"])
    known = packaging.prefects_variables() | {
        f"REELFLOW_{field.upper()}" for field in Settings.model_fields
    }
    for variable in service.get("environment", {}):
        assert variable in known or variable.startswith(FOREIGN_NAMES)


@pytest.mark.parametrize("name", ["ray-head", "ray-worker", "prefect-worker"])
def test_what_lets_flows_and_workers_into_an_object_store_is_passed_on(name: str) -> None:
    passed = SERVICES[name]["environment"]
    wanted = packaging.reaching_s3()
    assert {"AWS_REGION", "AWS_SESSION_TOKEN", "AWS_MAX_ATTEMPTS"} < wanted
    assert {v for v in passed if v.startswith("AWS_")} == wanted
    assert {passed[variable] for variable in wanted} == {None}, "of the environment alone"


def test_flows_share_what_a_ray_driver_needs_of_its_node() -> None:
    worker, head = SERVICES["prefect-worker"], SERVICES["ray-head"]
    for shared in ("network_mode", "pid", "ipc"):
        assert worker[shared] == "service:ray-head"
    assert head["ipc"] == "shareable"
    assert set(head["volumes"]) <= set(worker["volumes"])
    assert {"catalogue:/catalogue"} == set(worker["volumes"]) - set(head["volumes"])
    assert "--num-cpus=0" in head["command"]


def test_the_ray_cluster_has_the_cores_that_workers_ask_for() -> None:
    node = packaging.compose(WORKERS="3", WORKER_CPUS="6")["services"]["ray-worker"]
    assert node["deploy"]["replicas"] == "3" == node["environment"]["REELFLOW_WORKERS"]
    assert "--num-cpus=6" in node["command"]
    assert node["environment"]["REELFLOW_CORES_PER_WORKER"] == "6"
