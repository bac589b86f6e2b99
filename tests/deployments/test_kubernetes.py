"""The manifests: valid, confined, without secrets, in agreement with each other and KubeRay."""

from itertools import chain
from typing import Any

import jsonschema
import pytest
from support import packaging

KUSTOMIZATION = packaging.documents("kustomization.yaml")[0]
MANIFESTS = list(chain.from_iterable(map(packaging.documents, KUSTOMIZATION["resources"])))
SECRETS = packaging.documents("kubernetes/secrets.template.yaml")
RAY = next(manifest for manifest in MANIFESTS if manifest["kind"] == "RayCluster")
GROUPS = [RAY["spec"]["headGroupSpec"], *RAY["spec"]["workerGroupSpecs"]]
# What KubeRay's ray.io/v1 takes of a RayCluster, pods aside: these are Kubernetes' own.
_PARAMS = {"type": "object", "additionalProperties": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 0}
_TEMPLATE = {"type": "object", "required": ["spec"]}
_HEAD = {"rayStartParams": _PARAMS, "template": _TEMPLATE, "serviceType": {"type": "string"}}
_WORKER = {
    "groupName": {"type": "string"}, "replicas": _COUNT, "minReplicas": _COUNT,
    "maxReplicas": _COUNT, "rayStartParams": _PARAMS, "template": _TEMPLATE,
}  # fmt: skip
RAY_SPEC = {
    "type": "object", "additionalProperties": False, "required": ["headGroupSpec"],
    "properties": {
        "rayVersion": {"type": "string"},
        "headGroupSpec": {
            "properties": _HEAD, "additionalProperties": False, "required": ["template"],
        },
        "workerGroupSpecs": {"items": {
            "properties": _WORKER, "additionalProperties": False,
            "required": ["groupName", "minReplicas", "maxReplicas", "template"],
        }},
    },
}  # fmt: skip


def pods() -> list[tuple[str, dict[str, Any]]]:
    """Every pod's template, with a name to know it by."""
    deployed = [
        (m["metadata"]["name"], m["spec"]["template"]) for m in MANIFESTS if "Deploy" in m["kind"]
    ]
    return deployed + [(group.get("groupName", "head"), group["template"]) for group in GROUPS]


PODS = pytest.mark.parametrize("pod", [pod for _, pod in pods()], ids=[name for name, _ in pods()])


@pytest.mark.parametrize("manifest", [*MANIFESTS, *SECRETS], ids=lambda m: m["metadata"]["name"])
def test_a_manifest_is_valid_by_kubernetes_own_schema(manifest: dict) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="brings the schemas")
    if manifest is not RAY:
        kubernetes_validate.validate(manifest, "1.34", strict=True)


@PODS
def test_a_pod_is_valid_by_kubernetes_own_schema(pod: dict) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="brings the schemas")
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": pod["metadata"] | {"name": "x"}}
    kubernetes_validate.validate(bare | {"spec": pod["spec"]}, "1.34", strict=True)


def test_the_ray_cluster_is_one_of_kuberays_and_of_this_ray() -> None:
    jsonschema.validate(RAY["spec"], RAY_SPEC)
    assert RAY["spec"]["rayVersion"] == packaging.locked("requirements.lock")["ray"]
    for group in GROUPS:
        options = [f"--{name}={value}" for name, value in group["rayStartParams"].items()]
        packaging.understands(["ray", "start", *options])
    assert GROUPS[0]["rayStartParams"]["num-cpus"] == "0"


def test_workers_are_as_many_and_as_large_as_flows_are_told() -> None:
    told = packaging.environment("profiles/cluster.env")
    cpu = GROUPS[1]
    assert str(cpu["replicas"]) == told["REELFLOW_WORKERS"]
    container = cpu["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["cpu"] == told["REELFLOW_CORES_PER_WORKER"]


def test_flows_see_the_processes_of_the_ray_node_beside_them() -> None:
    head = GROUPS[0]["template"]["spec"]
    ray, *workers = head["containers"]  # KubeRay starts Ray in the first
    assert head["shareProcessNamespace"] is True
    assert ray["name"] == "ray-head" and "command" not in ray
    assert [each["name"] for each in workers] == ["prefect-worker", "prefect-backfills", "metrics"]
    for worker in workers:
        assert worker["volumeMounts"] == ray["volumeMounts"]


@PODS
def test_a_container_is_confined_and_limited(pod: dict) -> None:
    user = pod["spec"]["securityContext"]
    assert user["runAsNonRoot"] and user["runAsUser"] == 10001
    assert not pod["spec"]["automountServiceAccountToken"]
    for container in containers(pod):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


@PODS
def test_what_a_pod_names_exists(pod: dict) -> None:
    made = {config["name"] for config in KUSTOMIZATION["configMapGenerator"]}
    secrets = {secret["metadata"]["name"] for secret in SECRETS}
    claims = {m["metadata"]["name"] for m in MANIFESTS if m["kind"] == "PersistentVolumeClaim"}
    images = {image["name"] for image in KUSTOMIZATION["images"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    for container in containers(pod):
        for source in container["envFrom"]:
            assert source.get("configMapRef", source.get("secretRef"))["name"] in made | secrets
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
        assert container["image"] in images
    for volume in volumes.values():
        assert volume.get("persistentVolumeClaim", {"claimName": None})["claimName"] in {
            *claims,
            None,
        }


@PODS
def test_commands_exist(pod: dict) -> None:
    for container in containers(pod):
        if "command" in container:
            packaging.understands(container["command"])


def test_secrets_are_names_without_values_and_not_applied() -> None:
    assert not any("secret" in file for file in KUSTOMIZATION["resources"])
    given = {name: value for secret in SECRETS for name, value in secret["stringData"].items()}
    assert given and set(given.values()) == {""}
    foreign = ("AWS_", "RAY_AUTH_TOKEN", "PREFECT_REDIS_")
    assert all(n.startswith(foreign) or n in packaging.prefects_variables() for n in given)


def test_the_secret_has_all_that_lets_into_an_object_store_and_flows_and_workers_take_it() -> None:
    [secret] = [s for s in SECRETS if s["metadata"]["name"] == RAY["metadata"]["name"]]
    given = {name for name in secret["stringData"] if name.startswith("AWS_")}
    assert given == packaging.reaching_s3()
    for group in GROUPS:
        for container in containers(group["template"]):
            assert {"secretRef": {"name": secret["metadata"]["name"]}} in container["envFrom"]


def test_config_is_made_of_the_same_files_as_compose_takes() -> None:
    files = {file for config in KUSTOMIZATION["configMapGenerator"] for file in config["envs"]}
    services = packaging.compose()["services"]
    assert files == {file for s in services.values() for file in s.get("env_file", [])}


def test_traffic_is_let_in_by_labels_that_pods_carry() -> None:
    carried = {label for _, pod in pods() for label in pod["metadata"]["labels"].items()}
    carried.add(("ray.io/cluster", RAY["metadata"]["name"]))  # by KubeRay
    policies = {m["metadata"]["name"]: m["spec"] for m in MANIFESTS if m["kind"] == "NetworkPolicy"}
    assert policies["nobody"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in policies.values():
        sources = [source for rule in policy.get("ingress", []) for source in rule["from"]]
        for selector in [
            policy["podSelector"],
            *(s["podSelector"] for s in sources if "podSelector" in s),
        ]:
            assert set(selector.get("matchLabels", {}).items()) <= carried


def test_decoders_reach_public_addresses_and_neither_database_nor_server() -> None:
    policies = {m["metadata"]["name"]: m["spec"] for m in MANIFESTS if m["kind"] == "NetworkPolicy"}
    worker = {"ray.io/cluster": "reelflow", **GROUPS[1]["template"]["metadata"]["labels"]}
    theirs = [
        rule for policy in policies.values() for rule in policy.get("egress", [])
        if policy["podSelector"].get("matchLabels", {}).items() <= worker.items()
    ]  # fmt: skip
    assert all(rule.get("to") for rule in theirs), "a rule without addresses allows them all"
    blocks = [to["ipBlock"] for rule in theirs for to in rule["to"] if "ipBlock" in to]
    assert [block["cidr"] for block in blocks] == ["0.0.0.0/0"]
    for private in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"):
        assert private in blocks[0]["except"]
    ports = {port["port"] for rule in theirs for port in rule.get("ports", [])}
    assert ports == {53, 80, 443}


def containers(pod: dict) -> list[dict[str, Any]]:
    """All that run in a pod, before or for good."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
