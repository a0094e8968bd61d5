"""A made-up past for what a young venue cannot have recorded: hourly funding rates and open interest (sans-I/O)."""

import math
from decimal import Decimal

from hummingbot_extended.venue.candles import HISTORY_MINUTES, MINUTE_MS
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.records import FundingRate, MarketView

HOUR_MS = 3_600_000
IDS_PER_MS = 1_000_000  # an hour's id is its ms times this: increasing, and below every id the engine gives


def made_up_funding(spec: MarketSpec, seed: int, started_ms: int, start_ms: int, end_ms: int) -> list[FundingRate]:
    """Return the hourly rates of the fortnight before `started_ms` that fall in [start_ms, end_ms], newest first."""
    oldest = max(start_ms, started_ms - HISTORY_MINUTES * MINUTE_MS)
    newest = min(end_ms, started_ms - 1)
    hours = range(newest // HOUR_MS * HOUR_MS, oldest - 1, -HOUR_MS)
    return [FundingRate(id=h * IDS_PER_MS, market=spec.name, ts_ms=h, rate=_rate(spec, seed, h)) for h in hours]


def _rate(spec: MarketSpec, seed: int, hour_ms: int) -> Decimal:
    wave = math.sin(hour_ms / HOUR_MS / 7 + seed) + math.sin(hour_ms / HOUR_MS / 31 + spec.synthetic_id % 97)
    return Decimal(round(12 + wave * 6)).scaleb(-6)


def made_up_open_interest(
    seed: int, view: MarketView, start_ms: int, end_ms: int, step_ms: int, limit: int
) -> list[tuple[int, Decimal, Decimal]]:
    """Return (time, base, value) of the open interest at each step of the span, oldest first."""
    first = -(-start_ms // step_ms) * step_ms
    times = range(first, end_ms + 1, step_ms)[-limit:]
    rows = []
    for ts_ms in times:
        wave = Decimal(str(round(1 + 0.1 * math.sin(ts_ms / step_ms / 9 + seed), 6)))
        base = view.open_interest_base * wave
        rows.append((ts_ms, base, base * view.mark_price))
    return rows
