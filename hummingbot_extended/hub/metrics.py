"""/metrics for Prometheus: read from the hub's own counts when it is asked for, so that nothing counts twice."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hummingbot_extended.hub.faces import Faces
from hummingbot_extended.hub.interface import HubStatus

_STATES = {"live": 2, "stale": 1, "down": 0}


class HubCollector(Collector):
    """The figures of a hub and its faces."""

    def __init__(self, faces: Faces) -> None:
        self._faces = faces

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, as it is now."""
        status = self._faces.hub.status()
        yield from self._core(status)
        yield from self._channels(status)
        yield from self._candles(status)
        yield from self._clients()

    def _core(self, status: HubStatus) -> Iterator[Metric]:
        yield GaugeMetricFamily("hub_running", "1 while the hub runs", value=status.running)
        yield GaugeMetricFamily("hub_uptime_seconds", "Seconds since the start", value=status.uptime_s)
        yield GaugeMetricFamily("hub_memory_megabytes", "Memory of the process", value=status.memory_mb)
        yield GaugeMetricFamily("hub_store_megabytes", "Size of the store", value=status.store_mb)
        yield CounterMetricFamily("hub_errors", "Warnings and worse in the log", value=status.errors)
        counts = CounterMetricFamily("hub_events", "What the hub counts by itself", labels=["event"])
        for name, value in status.counters.items():
            counts.add_metric([name], value)
        yield counts

    def _channels(self, status: HubStatus) -> Iterator[Metric]:
        labels = ["market", "feed"]
        state = GaugeMetricFamily("hub_feed_state", "2 live, 1 stale, 0 down", labels=labels)
        switches = CounterMetricFamily("hub_source_switches", "Changes of the source", labels=labels)
        readers = GaugeMetricFamily("hub_feed_readers", "Readers of a feed", labels=labels)
        score = GaugeMetricFamily("hub_source_score", "Score of a source, 0 to 100", labels=[*labels, "source"])
        trust = GaugeMetricFamily(
            "hub_source_confidence", "Score as 0 to 1, less where prices disagree", labels=[*labels, "source"]
        )
        latency = GaugeMetricFamily("hub_source_latency_p95_ms", "Latency of a source", labels=[*labels, "source"])
        gaps = CounterMetricFamily("hub_source_gaps", "Sequence breaks of a source", labels=[*labels, "source"])
        for channel in status.channels:
            where = [channel.market, f"{channel.feed}{'' if channel.timeframe is None else ' ' + channel.timeframe}"]
            state.add_metric(where, _STATES.get(channel.state, 0))
            switches.add_metric(where, channel.switches)
            readers.add_metric(where, channel.readers)
            for source in channel.sources:
                score.add_metric([*where, source.name], source.score)
                trust.add_metric([*where, source.name], source.confidence)
                gaps.add_metric([*where, source.name], source.gaps)
                if source.latency_p95_ms is not None:
                    latency.add_metric([*where, source.name], source.latency_p95_ms)
        yield from (state, switches, readers, score, trust, latency, gaps)

    def _candles(self, status: HubStatus) -> Iterator[Metric]:
        labels = ["market", "timeframe"]
        age = GaugeMetricFamily("hub_candles_age_seconds", "Age of the newest candle", labels=labels)
        gaps = GaugeMetricFamily("hub_candles_missing", "Candles that are missing", labels=labels)
        for market, frames in status.series.items():
            for name, series in frames.items():
                gaps.add_metric([market, name], series.gaps)
                if series.age_s is not None:
                    age.add_metric([market, name], series.age_s)
        yield from (age, gaps)

    def _clients(self) -> Iterator[Metric]:
        faces = self._faces
        yield GaugeMetricFamily("hub_clients", "Clients now", value=len(faces.listeners))
        yield GaugeMetricFamily(
            "hub_subscriptions", "Subscriptions now", value=faces.connections()["total_subscriptions"]
        )
        sent = faces.counters["messages"] + sum(listener.messages_sent for listener in faces.listeners)
        yield CounterMetricFamily("hub_messages_sent", "Messages to clients", value=sent)
        yield CounterMetricFamily(
            "hub_closed_slow", "Clients closed for being slow", value=faces.counters["closed_slow"]
        )
        opened = CounterMetricFamily("hub_clients_opened", "Clients that came", labels=["face"])
        for kind in ("websocket", "sse", "relay"):
            opened.add_metric([kind], faces.counters[f"opened_{kind}"])
        yield opened


def metrics_router(faces: Faces) -> APIRouter:
    """Return /metrics of `faces`, with a registry of its own: a process may hold more than one hub."""
    registry = CollectorRegistry()
    registry.register(HubCollector(faces))
    router = APIRouter(tags=["probes"])

    @router.get("/metrics", summary="Figures for Prometheus")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
