"""What /streamer/status, /streamer/available, /streamer/health and the original's aliases say (A15–A18)."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.hub.answers import Answer, json_answer
from hummingbot_extended.hub.events import iso_z
from hummingbot_extended.hub.interface import HubStatus, MarketDataHub

STALE_BARS = 2


def buffer_status(status: HubStatus) -> str:
    """Return "ok", "warming" (a series is empty), "stale" (two bars behind, or a feed is down) or "not_running"."""
    if not status.running:
        return "not_running"
    series = [(timeframe(name), each) for frames in status.series.values() for name, each in frames.items()]
    if any(each.count == 0 for _, each in series):
        return "warming"
    late = any(each.age_s is not None and each.age_s > STALE_BARS * frame.seconds for frame, each in series)
    return "stale" if late or any(channel.state == "down" for channel in status.channels) else "ok"


class StatusAnswers:
    """The state of a hub as JSON; `hub` is None where there is none."""

    def __init__(self, hub: MarketDataHub | None, now_ms: Callable[[], int]) -> None:
        self._hub = hub
        self._now_ms = now_ms

    def status(self) -> Answer:
        """Always 200 (A15)."""
        if self._hub is None:
            return json_answer({"success": False, "running": False, "error": "Streamer not initialized"})
        status = self._hub.status()
        return json_answer(
            {
                "success": True,
                "running": status.running,
                "domain": status.domain,
                "role": status.role,
                "symbols": status.markets,
                "timeframes": status.timeframes,
                "metrics": _metrics(status),
                "channels": [msgspec.to_builtins(channel) for channel in status.channels],
                "bus": {"url": status.bus, "state": status.bus_state},
            }
        )

    def available(self) -> Answer:
        """Always 200 (A17)."""
        if self._hub is None:
            return json_answer({"success": False, "symbols": {}})
        return json_answer({"success": True, "symbols": self._hub.available()})

    def health(self, *, strict: bool = True) -> Answer:
        """503 when unhealthy, or 200 without `strict` (A18)."""
        status = None if self._hub is None else self._hub.status()
        buffers = "not_running" if status is None else buffer_status(status)
        healthy = buffers == "ok"
        body = {
            "status": "healthy" if healthy else "unhealthy",
            "streamer_running": status is not None and status.running,
            "buffer_status": buffers,
            "last_check": iso_z(self._now_ms()),
        }
        code = HTTPStatus.OK if healthy or not strict else HTTPStatus.SERVICE_UNAVAILABLE
        return json_answer(body, code)

    def ready(self) -> Answer:
        """200 once the hub runs and its candles are there; 503 before."""
        buffers = "not_running" if self._hub is None else buffer_status(self._hub.status())
        is_ready = buffers in ("ok", "stale")
        return json_answer({"ready": is_ready, "buffers": buffers}, 200 if is_ready else 503)

    def markets(self) -> Answer:
        """What the page lets choose from: the markets of the exchange with the precision of their prices."""
        markets = () if self._hub is None or not self._hub.status().running else self._hub.markets
        rows = [
            {"name": each.name, "tick": each.trading_config.min_price_change, "status": str(each.status)}
            for each in markets
        ]
        return json_answer({"success": True, "markets": rows})

    def alias_status(self) -> Answer:
        """As /api/v1/streamer/status of the original."""
        if self._hub is None:
            return json_answer({"success": False, "running": False, "error": "Streamer not initialized"}, 503)
        status = self._hub.status()
        buffers = {
            market: {
                name: {"count": each.count, "max_size": each.max_size, "has_data": each.count > 0}
                for name, each in frames.items()
            }
            for market, frames in status.series.items()
        }
        sizes = {name: each.max_size for frames in status.series.values() for name, each in frames.items()}
        intervals = {name: timeframe(name).seconds for name in status.timeframes}
        body = {"success": True, "running": status.running, "symbols": status.markets, "timeframes": status.timeframes}
        return json_answer(
            body
            | {"buffer_sizes": sizes, "refresh_intervals": intervals, "buffer_status": buffers}
            | {"metrics": _metrics(status)}
        )


def _metrics(status: HubStatus) -> dict[str, Any]:
    series = {
        market: {
            name: {
                "count": each.count,
                "max_size": each.max_size,
                "newest": None if each.newest_ms is None else iso_z(each.newest_ms),
                "age_s": each.age_s,
                "gaps": each.gaps,
            }
            for name, each in frames.items()
        }
        for market, frames in status.series.items()
    }
    return {
        "total_candles_buffered": status.candles_buffered,
        "last_update": None if status.last_update_ms is None else iso_z(status.last_update_ms),
        "memory_usage_mb": round(status.memory_mb, 1),
        "db_size_mb": round(status.store_mb, 3),
        "errors": status.errors,
        "uptime_seconds": round(status.uptime_s, 3),
        "series": series,
        "counters": status.counters,
    }
