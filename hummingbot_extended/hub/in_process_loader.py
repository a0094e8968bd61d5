"""A hub as the candle loader of its own process (streaming-systems.md A21)."""

from hummingbot_extended.candles.bars import Bar
from hummingbot_extended.candles.series import CandleSeries
from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.hub.keepers import Keepers


class InProcessLoader:
    """Answers from what a running hub keeps; has nothing where the window is not wholly in memory."""

    name = "hub in this process"

    def __init__(self, keepers: Keepers) -> None:
        self._keepers = keepers

    def __repr__(self) -> str:
        return f"<InProcessLoader of {self._keepers!r}>"

    async def load(
        self, market: str, frame: Timeframe, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Bar]:
        """See CandleLoader.load. Never raises."""
        series = self._keepers.series(market, frame)
        if series is None or series.newest is None:
            return []
        last_ms = series.newest.open_time_ms
        if end_ms is not None:
            last_ms = min(last_ms, frame.open_time_ms(end_ms))
        first_ms = last_ms - (limit - 1) * frame.length_ms
        if start_ms is not None:
            first_ms = max(first_ms, -(-start_ms // frame.length_ms) * frame.length_ms)
        return whole(series, first_ms, last_ms)


def whole(series: CandleSeries, first_ms: int, last_ms: int) -> list[Bar]:
    """Return the bars that opened from `first_ms` to `last_ms`; none at all where one is missing."""
    length_ms = series.frame.length_ms
    candles = series.between(first_ms, last_ms + length_ms)
    wanted = (last_ms - first_ms) // length_ms + 1
    return [candle.bar for candle in candles] if len(candles) == wanted else []
