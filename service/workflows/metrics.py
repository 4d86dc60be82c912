"""What Prometheus reads. One registry per app, so that two apps in one process do not mix."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


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
