"""The figures that Prometheus reads: of every corpus, from the store alone."""

import urllib.request
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from support.corpora import FAKE
from support.packaging import DEPLOYMENTS
from support.running import free_ports

from data.catalog.database import catalog_path
from data.store import layout
from data.store.lock import hold_lock
from data.workspace import Workspace
from flows.ingest import ingest
from flows.pipeline import pipeline
from tasks.service.metrics import FiguresCollector, serve_metrics

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture
def address(workspace: Workspace) -> Iterator[str]:
    port = free_ports(1)[0]
    server, _ = serve_metrics(workspace, port)
    assert server.server_address[0] == "127.0.0.1"
    yield f"http://127.0.0.1:{port}/metrics"
    server.shutdown()


def scrape(address: str) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(address, timeout=5) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {(s.name, *s.labels.values()): s.value for s in samples}


def test_the_figures_of_a_night_are_there_and_no_run_has_to_wait_for_them(
    workspace: Workspace, address: str
) -> None:
    pipeline("c", "fake://6?undecodable=2", embed_spec=FAKE)
    ingest("fake://3", "d")
    lock = catalog_path(workspace.store, None).with_suffix(".lock")
    with hold_lock(lock, "runs", 0):  # a run has the catalogue: a scrape neither waits nor opens it
        found = scrape(address)
    assert found["reelflow_videos", "c", "embed", "done"] == 4
    assert found["reelflow_failures", "c", "undecodable", "embed"] == 2  # labels are sorted
    assert found["reelflow_coverage_ratio", "c", "embed"] == pytest.approx(4 / 6)
    assert found["reelflow_video_hours", "c", "ingest", "done"] > 0
    assert 0 <= found["reelflow_seconds_since_good_night", "c"] < 600
    assert found["reelflow_videos", "d", "embed", "missing"] == 3
    assert ("reelflow_seconds_since_good_night", "d") not in found
    assert found["reelflow_unreadable_corpora",] == 0


def test_a_broken_file_hides_no_other_corpus(workspace: Workspace, address: str) -> None:
    for corpus in ("c", "d"):
        ingest("fake://2", corpus)
    workspace.store.write(layout.figures_file("c"), b"{")
    found = scrape(address)
    assert found["reelflow_unreadable_corpora",] == 1
    assert found["reelflow_videos", "d", "ingest", "done"] == 2


def test_the_store_is_read_now_and_then_however_often_somebody_asks(workspace: Workspace) -> None:
    ingest("fake://2", "c")
    collector = FiguresCollector(workspace, cache_s=1000)
    before = [family.samples for family in collector.collect()]
    ingest("fake://5", "c")
    assert [family.samples for family in collector.collect()][:2] == before[:2]


def test_alerts_ask_for_figures_that_there_are(workspace: Workspace, address: str) -> None:
    pipeline("c", "fake://6?undecodable=2", embed_spec=FAKE)
    served = {name for name, *_ in scrape(address)}
    rules = yaml.safe_load((DEPLOYMENTS / "alerts.yaml").read_text())["groups"][0]["rules"]
    for rule in rules:
        named = rule["expr"].replace("(", " ").replace("{", " ").split()
        assert rule["labels"]["severity"] and rule["annotations"]["summary"]
        ours = {word for word in named if word.startswith("reelflow_")}
        assert ours and ours <= served, rule["alert"]
