"""Serves each corpus's figures to Prometheus, on this machine only.

Runs leave them in the store as small files: a scrape opens no catalogue and holds no lock.
"""

import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from data.runs.figures import read_figures
from data.runs.nights import read_last_night
from data.settings import Settings
from data.workspace import Workspace, open_workspace

HOST = "127.0.0.1"
STAGE = ["corpus", "stage"]
CACHE_S = 15.0  # between reads of the store, however often somebody asks


class FiguresCollector(Collector):
    """Reads the figures of every corpus of a store, at most every `cache_s` seconds."""

    def __init__(self, workspace: Workspace, cache_s: float = CACHE_S) -> None:
        self._workspace, self._cache_s = workspace, cache_s
        self._lock, self._read_at = threading.Lock(), -cache_s
        self._cached: list[tuple[str, dict[str, Any] | None, datetime | None]] = []
        self._unreadable = 0

    def collect(self) -> Iterator[Metric]:
        """Yields one metric after another, as Prometheus's library asks for them."""
        with self._lock:
            if time.monotonic() - self._read_at >= self._cache_s:
                self._read()
            corpora, unreadable = list(self._cached), self._unreadable
        yield from _build_stage_metrics(corpora)
        yield from _build_night_metrics(corpora)
        yield GaugeMetricFamily(
            "reelflow_unreadable_corpora", "Corpora whose figures could not be read", unreadable
        )

    def _read(self) -> None:
        store, self._cached, self._unreadable = self._workspace.store, [], 0
        for corpus in self._workspace.list_corpora():
            try:
                figures, night = read_figures(store, corpus), read_last_night(store, corpus)
                self._cached.append((corpus, figures, night))
            except (OSError, ValueError, KeyError):  # one broken file hides no other corpus
                self._unreadable += 1
        self._read_at = time.monotonic()


def _build_stage_metrics(
    corpora: list[tuple[str, dict[str, Any] | None, datetime | None]],
) -> list[Metric]:
    videos = GaugeMetricFamily("reelflow_videos", "Videos by state", labels=[*STAGE, "state"])
    hours = GaugeMetricFamily("reelflow_video_hours", "Hours by state", labels=[*STAGE, "state"])
    failures = GaugeMetricFamily(
        "reelflow_failures", "Failed videos by reason", labels=[*STAGE, "reason"]
    )
    coverage = GaugeMetricFamily(
        "reelflow_coverage_ratio", "Share of the source's videos that passed", labels=STAGE
    )
    recorded = GaugeMetricFamily(
        "reelflow_figures_timestamp_seconds", "When a run last recorded these", labels=["corpus"]
    )
    for corpus, figures, _ in corpora:
        if figures is None:
            continue
        recorded.add_metric([corpus], datetime.fromisoformat(figures["at"]).timestamp())
        for stage, of in figures["stages"].items():
            for metric, counts in ((videos, of["videos"]), (hours, of["hours"])):
                for state in ("done", "failed", "missing"):
                    metric.add_metric([corpus, stage, state], counts[state])
            for reason, count in of["failures"].items():
                failures.add_metric([corpus, stage, reason], count)
            if total := of["videos"]["total"]:
                coverage.add_metric([corpus, stage], of["videos"]["done"] / total)
    return [videos, hours, failures, coverage, recorded]


def _build_night_metrics(
    corpora: list[tuple[str, dict[str, Any] | None, datetime | None]],
) -> list[Metric]:
    since = GaugeMetricFamily(
        "reelflow_seconds_since_good_night",
        "Seconds since a pipeline run of the corpus last completed",
        labels=["corpus"],
    )
    for corpus, _, night in corpora:
        if night is not None:
            since.add_metric([corpus], (datetime.now(UTC) - night).total_seconds())
    return [since]


def serve_metrics(
    workspace: Workspace, port: int, host: str = HOST
) -> tuple[Any, threading.Thread]:
    """Starts to serve a store's figures at `/metrics`; the server, and its thread."""
    registry = CollectorRegistry()
    registry.register(FiguresCollector(workspace))
    return start_http_server(port, host, registry)


def main() -> None:
    """Serves the figures of the store that the settings name, until the process is ended."""
    _, thread = serve_metrics(open_workspace(Settings()), int(sys.argv[1]), *sys.argv[2:3])
    thread.join()


if __name__ == "__main__":
    main()
