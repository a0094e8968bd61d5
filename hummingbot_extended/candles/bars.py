"""Bars of one market and timeframe: sans-I/O, money as Decimal, oldest first."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from hummingbot_extended.candles.timeframes import Timeframe

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar. `volume` is in the base asset; `synthetic` marks a bar that fills a time without trades."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    synthetic: bool = False


def flat_bar(open_time_ms: int, price: Decimal) -> Bar:
    """The bar of a time without trades: every price is the last close, and the volume is zero."""
    return Bar(open_time_ms=open_time_ms, open=price, high=price, low=price, close=price, synthetic=True)


def ordered(bars: Iterable[Bar]) -> list[Bar]:
    """The bars oldest first, one for each time; of two for the same time the later in `bars` wins."""
    return [bar for _, bar in sorted({bar.open_time_ms: bar for bar in bars}.items())]


def without_gaps(bars: Iterable[Bar], frame: Timeframe, *, until_ms: int | None = None) -> list[Bar]:
    """The bars oldest first at equal distances: a time without trades becomes a flat, synthetic bar.

    With `until_ms`, flat bars also follow the last one, up to and including the bar that opened at or before it.
    """
    filled: list[Bar] = []
    for bar in ordered(bars):
        _extend_flat(filled, bar.open_time_ms - frame.length_ms, frame)
        filled.append(bar)
    if until_ms is not None:
        _extend_flat(filled, until_ms, frame)
    return filled


def _extend_flat(bars: list[Bar], until_ms: int, frame: Timeframe) -> None:
    if not bars:
        return
    price = bars[-1].close
    bars.extend(
        flat_bar(time_ms, price)
        for time_ms in range(bars[-1].open_time_ms + frame.length_ms, until_ms + 1, frame.length_ms)
    )
