"""What is true of a hub now."""

import os
from pathlib import Path

from hummingbot_extended.hub.candle_keeper import CandleKeeper
from hummingbot_extended.hub.interface import HubStatus, SeriesStatus
from hummingbot_extended.hub.keepers import Keepers
from hummingbot_extended.hub.kinds import FEEDS_OF, Feed, Kind
from hummingbot_extended.hub.readers import Readers
from hummingbot_extended.hub.settings import HubSettings

_STATM = Path("/proc/self/statm")


def make_status(
    settings: HubSettings,
    readers: Readers | None,
    keepers: Keepers | None,
    *,
    uptime_s: float,
    now_ms: int,
    counters: dict[str, int],
    store_mb: float = 0.0,
    bus_state: str = "in process",
) -> HubStatus:
    """Return the status of a hub; `readers` and `keepers` are None where it does not run."""
    all_keepers = keepers.all() if keepers else {}
    series = {market: _series(settings, keeper, now_ms) for market, keeper in all_keepers.items()}
    newest = [one.newest_ms for frames in series.values() for one in frames.values() if one.newest_ms is not None]
    return HubStatus(
        running=readers is not None,
        role=settings.role,
        uptime_s=uptime_s if readers is not None else 0.0,
        markets=tuple(all_keepers),
        timeframes=tuple(frame.name for frame in settings.frames),
        candles_buffered=sum(one.count for frames in series.values() for one in frames.values()),
        last_update_ms=max(newest, default=None),
        memory_mb=memory_mb(),
        store_mb=store_mb,
        errors=counters.get("warnings", 0) + sum(keeper.errors for keeper in all_keepers.values()),
        channels=tuple(readers.statuses()) if readers else (),
        series=series,
        bus=settings.bus,
        bus_state=bus_state,
        domain=settings.domain,
        counters=counters,
    )


def _series(settings: HubSettings, keeper: CandleKeeper, now_ms: int) -> dict[str, SeriesStatus]:
    statuses = {}
    for frame in settings.frames:
        series = keeper.candles.series[frame]
        newest_ms = series.newest.open_time_ms if series.newest else None
        statuses[frame.name] = SeriesStatus(
            count=len(series),
            max_size=series.limit,
            newest_ms=newest_ms,
            age_s=None if newest_ms is None else max(0.0, (now_ms - newest_ms) / 1000),
            gaps=series.gaps,
        )
    return statuses


def memory_mb() -> float:
    """Return the resident memory of this process; 0 where the system does not say."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def kinds_of(feed: Feed, *, makes_candles: bool) -> list[Kind]:
    """Return the kinds that are made of a feed first of all; candles may be made of trades."""
    made: list[Kind] = [kind for kind, feeds in FEEDS_OF.items() if feeds[:1] == (feed,) and kind is not Kind.OHLCV]
    return [*made, Kind.OHLCV] if makes_candles else made
