"""The candles of one market and timeframe, by time. Sans-I/O."""

from bisect import bisect_left, insort
from dataclasses import replace
from itertools import count

from hummingbot_extended.candles.candle import Candle
from hummingbot_extended.candles.timeframes import Timeframe

# One for all series: what is kept by version must not take a series for the one that it has replaced.
_versions = count(1)


class CandleSeries:
    """At most `limit` candles, the newest; one a time.

    `version` grows with every change (0: there was none), and no two states of this process share one.
    """

    def __init__(self, frame: Timeframe, limit: int) -> None:
        self.frame = frame
        self.limit = limit
        self.version = 0
        self._times: list[int] = []
        self._candles: dict[int, Candle] = {}

    def __len__(self) -> int:
        return len(self._times)

    def __repr__(self) -> str:
        return f"<CandleSeries {self.frame}: {len(self)} of {self.limit}>"

    @property
    def newest(self) -> Candle | None:
        """The newest candle."""
        return self._candles[self._times[-1]] if self._times else None

    @property
    def oldest(self) -> Candle | None:
        """The oldest candle."""
        return self._candles[self._times[0]] if self._times else None

    def at(self, open_time_ms: int) -> Candle | None:
        """Return the candle that opened then."""
        return self._candles.get(open_time_ms)

    def before(self, open_time_ms: int) -> Candle | None:
        """Return the newest candle that opened earlier."""
        index = bisect_left(self._times, open_time_ms)
        return self._candles[self._times[index - 1]] if index else None

    def between(self, start_ms: int, end_ms: int) -> list[Candle]:
        """Return the candles that opened from `start_ms` to before `end_ms`, oldest first."""
        first, last = bisect_left(self._times, start_ms), bisect_left(self._times, end_ms)
        return [self._candles[time_ms] for time_ms in self._times[first:last]]

    def newest_first(self, limit: int, since_ms: int | None = None) -> tuple[Candle, ...]:
        """Return at most `limit` candles, newest first, none that opened before `since_ms`."""
        first = max(0, len(self._times) - limit)
        if since_ms is not None:
            first = max(first, bisect_left(self._times, since_ms))
        return tuple(self._candles[time_ms] for time_ms in reversed(self._times[first:]))

    @property
    def gaps(self) -> int:
        """The number of candles that are missing between the oldest and the newest."""
        if not self._times:
            return 0
        return (self._times[-1] - self._times[0]) // self.frame.length_ms + 1 - len(self._times)

    def put(self, candle: Candle) -> Candle | None:
        """Take a state of a candle in. Return what is kept of it, None where nothing has changed.

        A closed candle never opens again; another closed state of it is a revision.
        """
        known = self._candles.get(candle.open_time_ms)
        if known is None:
            if len(self._times) >= self.limit and candle.open_time_ms < self._times[0]:
                return None
            insort(self._times, candle.open_time_ms)
        else:
            if known.closed and not candle.closed:
                return None
            changed = known.prices != candle.prices
            if not changed and known.closed is candle.closed and known.synthetic is candle.synthetic:
                return None
            revision = known.revision + (known.closed and changed)
            candle = replace(
                candle, revision=revision, spread=candle.spread if candle.spread is not None else known.spread
            )
        self._candles[candle.open_time_ms] = candle
        if len(self._times) > self.limit:
            del self._candles[self._times.pop(0)]
        self.version = next(_versions)
        return candle
