"""Candles computed from trades in the plainest way, to compare with; shares no code with the package."""

from collections.abc import Iterable
from decimal import Decimal

MINUTES = {"M1": 1, "M5": 5, "M15": 15, "M30": 30, "H1": 60, "H2": 120, "H4": 240, "D1": 1440}

type Trade = tuple[int, Decimal, Decimal]  # time in ms, price, size


def candles_of(trades: Iterable[Trade], timeframe: str) -> dict[int, tuple[Decimal, ...]]:
    """Open, high, low, close, volume by opening time in ms; only times with trades."""
    length_ms = MINUTES[timeframe] * 60_000
    groups: dict[int, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(trade[0] // length_ms * length_ms, []).append(trade)
    return {
        start: (
            group[0][1],
            max(price for _, price, _ in group),
            min(price for _, price, _ in group),
            group[-1][1],
            sum((size for _, _, size in group), Decimal(0)),
        )
        for start, group in groups.items()
    }


def carried_candles_of(
    trades: Iterable[Trade], timeframe: str, first_price: Decimal, start_ms: int, end_ms: int
) -> dict[int, tuple[Decimal, ...]]:
    """As the practice venue has them: every bar begins at the last price before it, also one without trades."""
    length_ms = MINUTES[timeframe] * 60_000
    ordered = list(trades)
    result: dict[int, tuple[Decimal, ...]] = {}
    price = first_price
    for start in range(start_ms // length_ms * length_ms, end_ms, length_ms):
        inside = [trade for trade in ordered if start <= trade[0] < start + length_ms]
        prices = [price, *(each[1] for each in inside)]
        result[start] = (
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
            sum((each[2] for each in inside), Decimal(0)),
        )
        price = prices[-1]
    return result
