"""Candles from the exchange's REST interface: the last loader of the chain."""

import time
from collections.abc import Callable

from hummingbot_extended.candles.bars import ZERO, Bar, without_gaps
from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.exchange.models import Candle
from hummingbot_extended.exchange.rest import MAX_CANDLES, ExtendedRest


class ExchangeLoader:
    """Pages backwards through `GET /info/candles/{market}/trades` (API reference §2.5).

    `clock` is epoch seconds: where a request has no end, times without trades are filled up to now.
    """

    name = "exchange"

    def __init__(
        self, rest: ExtendedRest, *, page_rows: int = MAX_CANDLES, clock: Callable[[], float] = time.time
    ) -> None:
        self._rest = rest
        self._page_rows = page_rows
        self._clock = clock

    async def load(
        self, market: str, frame: Timeframe, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Bar]:
        """See CandleLoader.load. Raises what ExtendedRest.candles raises."""
        now_ms = int(self._clock() * 1000)
        until_ms = frame.open_time_ms(now_ms if end_ms is None else min(end_ms, now_ms))
        # Rows that do not exist (no trade, no row) count as bars here, so the window is known from the start.
        since_ms = until_ms - (limit - 1) * frame.length_ms
        if start_ms is not None:
            since_ms = max(since_ms, -(-start_ms // frame.length_ms) * frame.length_ms)
        bars = await self._bars_until(market, frame, since_ms, until_ms)
        return [bar for bar in without_gaps(bars, frame, until_ms=until_ms) if bar.open_time_ms >= since_ms]

    async def _bars_until(self, market: str, frame: Timeframe, since_ms: int, until_ms: int) -> list[Bar]:
        """The rows up to `until_ms`, back to one at or before `since_ms`: a window that begins flat needs its price."""
        bars: dict[int, Bar] = {}
        oldest_ms = until_ms + frame.length_ms
        while oldest_ms > since_ms:
            # A page asks for one row more than the window: it overlaps the page before, whatever `endTime` includes.
            rows = min(self._page_rows, (oldest_ms - since_ms) // frame.length_ms + 2)
            page = await self._rest.candles(market, frame.code, limit=rows, end_time_ms=oldest_ms)
            older = [bar_of(candle) for candle in page if candle.time_ms < oldest_ms]
            if not older:
                break
            bars.update((bar.open_time_ms, bar) for bar in older)
            oldest_ms = min(bar.open_time_ms for bar in older)
        return [bar for bar in bars.values() if bar.open_time_ms <= until_ms]


def bar_of(candle: Candle) -> Bar:
    """The bar of a row of the exchange; mark and index candles have no volume."""
    return Bar(
        open_time_ms=candle.time_ms,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=ZERO if candle.volume is None else candle.volume,
    )
