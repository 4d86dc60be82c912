"""What Prometheus reads. One registry per app, so that two apps in one process do not mix."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class ModelGauges:
    """What the last look at the model found; set when somebody asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.psi = Gauge(
            "weiyu_model_psi", "PSI of each input against its reference, at the last look", ["input"],
            registry=registry,
        )  # fmt: skip
        self.missing = Gauge(
            "weiyu_model_missing_share", "Share of scores in which a feature was missing", ["input"],
            registry=registry,
        )  # fmt: skip
        self.came = Gauge(
            "weiyu_model_came_to_expected", "Escalations that came against those expected", registry=registry
        )
        self.volume = Gauge(
            "weiyu_model_volume_ratio", "Reports of the last week against a usual week", registry=registry
        )
        self.age = Gauge("weiyu_model_age_days", "Days since what the model learned from", registry=registry)
        self.standing = Gauge("weiyu_model_standing", "0 sound, 1 warned, 2 handed to the rules", registry=registry)

    def looked(self, standing: int, found: Mapping[str, Any]) -> None:
        """Show the last look at the model; what could not be compared has no value."""
        for name, one in found["inputs"].items():
            self.psi.labels(name).set(one["psi"])
            self.missing.labels(name).set(one["missing"])
        came, volume = found["calibration"]["ratio"], found["volume"]["ratio"]
        self.came.set(nan if came is None else came)
        self.volume.set(nan if volume is None else volume)
        self.age.set(found["age_days"])
        self.standing.set(standing)


class Metrics:
    """Counters that code raises, and gauges that are set when somebody asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "weiyu_http_requests",
            "HTTP requests by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "weiyu_http_seconds", "Seconds until the answer began", ["route"], registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )  # fmt: skip
        self.reports = Counter("weiyu_reports", "Reports by what became of them", ["status"], registry=self.registry)
        self.ticks = Counter(
            "weiyu_ticks", "Clock ticks run by this process", ["tick", "result"], registry=self.registry
        )
        self.outbox = Gauge(
            "weiyu_outbox_rows", "Pushes owed or given up, all processes", ["state"], registry=self.registry
        )
        self.feed_head = Gauge("weiyu_feed_head", "Newest feed number", registry=self.registry)
        self.listeners = Gauge("weiyu_stream_listeners", "Open streams on this process", registry=self.registry)
        self.model_usable = Gauge(
            "weiyu_model_usable", "1 when a model scores, 0 when rules judge alone", registry=self.registry
        )
        self.model = ModelGauges(self.registry)
        self._counted: dict[tuple[str, str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def answered(self, method: str, route: str, status: int) -> None:
        """Count one request. Its series is looked up once: `labels` costs more than counting does."""
        counted = self._counted.get((method, route, status))
        if counted is None:
            named = method if method in METHODS else "other"  # a client may make words up
            counted = self.requests.labels(named, route, str(status))
            if named == method:
                self._counted[method, route, status] = counted
        counted.inc()

    def began_after(self, route: str, seconds: float) -> None:
        """Note how long it took until an answer began."""
        timed = self._timed.get(route)
        if timed is None:
            timed = self._timed[route] = self.seconds.labels(route)
        timed.observe(seconds)
