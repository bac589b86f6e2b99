"""The dashboard and what feeds it: every metric is one that Ray or Prefect really exports.

`metrics/*.txt` are the types that `/metrics` of a head, a node and Prefect's server named while a
pipeline ran on them.
"""

import json
import re
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
import ray
from support import packaging

SCRAPES = Path(__file__).parent / "metrics"
DASHBOARD = json.loads((packaging.DEPLOYMENTS / "grafana/reelflow.json").read_text())
PANELS = DASHBOARD["panels"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
RAYS_OWN = "dashboard/modules/metrics/dashboards/default_dashboard_panels.py"


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_panel_asks_for_metrics_that_exist(expression: str) -> None:
    asked = set(re.findall(r"\b(?:ray|prefect|autoscaler)_\w+", expression))
    assert asked and asked <= scraped() | unscraped()
    assert expression.count("(") == expression.count(")")


def test_the_dashboard_shows_what_operators_ask_for_first() -> None:
    titles = " ".join(panel["title"] for panel in PANELS).lower()
    for wanted in ("rate", "queue depth", "gpu busy", "failures", "memory", "tasks by state"):
        assert wanted in titles


def test_panels_lie_side_by_side_and_have_ids_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def test_variables_of_expressions_are_the_dashboards() -> None:
    named = {name for expression in EXPRESSIONS for name in re.findall(r"\$(\w+)", expression)}
    assert named == {variable["name"] for variable in DASHBOARD["templating"]["list"]}


def test_grafana_is_given_the_source_and_the_dashboard() -> None:
    source = packaging.documents("grafana/provisioning/datasources/prometheus.yaml")[0]
    asked = {panel["datasource"]["uid"] for panel in PANELS}
    assert asked == {s["uid"] for s in source["datasources"]}
    provider = packaging.documents("grafana/provisioning/dashboards/reelflow.yaml")[0]["providers"][
        0
    ]
    mounts = packaging.compose()["services"]["grafana"]["volumes"]
    folder = provider["options"]["path"]
    assert f"./grafana/reelflow.json:{folder}/reelflow.json:ro" in mounts
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in mounts


def test_prometheus_reads_rays_list_of_nodes_and_prefects_server() -> None:
    from ray._private.ray_constants import PROMETHEUS_SERVICE_DISCOVERY_FILE as NODES

    ray_job, prefect_job, own_job = packaging.documents("prometheus.yaml")[0]["scrape_configs"]
    assert ray_job["file_sd_configs"] == [{"files": [f"/tmp/ray/{NODES}"]}]
    services = packaging.compose()["services"]
    assert "ray:/tmp/ray:ro" in services["prometheus"]["volumes"]
    assert "ray:/tmp/ray" in services["ray-head"]["volumes"]
    assert prefect_job["metrics_path"] == "/api/metrics"
    host, port = prefect_job["static_configs"][0]["targets"][0].split(":")
    assert services[host]["ports"][0].endswith(f":{port}")
    assert packaging.environment("server.env")["PREFECT_SERVER_METRICS_ENABLED"] == "true"
    host, port = own_job["static_configs"][0]["targets"][0].split(":")
    assert port in services[host]["command"]
    assert set(services[host]["networks"]) & set(services["prometheus"]["networks"])
    [rules] = packaging.documents("prometheus.yaml")[0]["rule_files"]
    assert f"./alerts.yaml:{rules}:ro" in services["prometheus"]["volumes"]


@cache
def scraped() -> set[str]:
    return {line.split()[2] for file in SCRAPES.glob("*.txt") for line in file.open()}


@cache
def unscraped() -> set[str]:
    """What Ray exports where there is a GPU, or once something has failed: by its own source."""
    from ray.dashboard.modules.reporter.reporter_agent import METRICS_GAUGES

    rays_own = (Path(ray.__file__).parent / RAYS_OWN).read_text()
    gauges = {f"ray_{name}" for name in METRICS_GAUGES if "gpu" in name or "gram" in name}
    return gauges | set(re.findall(r"\bray_\w+_(?:failure|eviction)_total", rays_own))
