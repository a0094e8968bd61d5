"""Candles of every timeframe from one stream of minutes or trades, closed by time and checked by history. Sans-I/O.

The minute is the base: it comes as the exchange's running candle, or is folded from trades. Every other timeframe is
rolled up from the next smaller one, so that one upstream makes all. Five choices, named as NautilusTrader names them:
intervals are left-closed, bars are stamped with their open time, a first bar that was not seen whole comes from
history, times without trades give flat bars, and a bar is closed `close_delay_ms` after its end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from hummingbot_extended.candles.bars import Bar
from hummingbot_extended.candles.candle import Candle, flat_candle, fold_trade, roll_up
from hummingbot_extended.candles.series import CandleSeries
from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe

__all__ = ["Candle", "CandleSeries", "Change", "MarketCandles", "fold_trade", "roll_up"]

type Change = tuple[Timeframe, Candle]

MINUTE = TIMEFRAMES[0]
CLOSE_DELAY_MS = 2_000
DEFAULT_LIMIT = 1_500
# Which timeframe each is made of.
_CHILD = dict(zip(TIMEFRAMES[1:], TIMEFRAMES, strict=False))


class MarketCandles:
    """The candles of one market in all timeframes. Every method returns what has changed, smallest timeframe first.

    `limits` is how many candles of each timeframe are kept. What must be asked of history is `unverified`. While data
    may be missing (from `lost` until `verify` reaches the present of a stream that has `resumed`) times without news
    stay empty instead of becoming flat.
    """

    def __init__(
        self, market: str, *, limits: Mapping[str, int] | None = None, close_delay_ms: int = CLOSE_DELAY_MS
    ) -> None:
        self.market = market
        self.series = {
            frame: CandleSeries(frame, (limits or {}).get(frame.name, DEFAULT_LIMIT)) for frame in TIMEFRAMES
        }
        self.verified_until_ms: int | None = None  # every minute that opened before is as history has it
        self._minutes = self.series[MINUTE]
        self._close_delay_ms = close_delay_ms
        self._is_live = False
        self._is_continuous = False
        self._spread: Decimal | None = None

    def __repr__(self) -> str:
        counts = ", ".join(f"{frame} {len(series)}" for frame, series in self.series.items())
        return f"<MarketCandles {self.market}: {counts}{'' if self._is_continuous else ', not continuous'}>"

    # --- live -------------------------------------------------------------------------------------------------------
    def take(self, bar: Bar, provider: str) -> list[Change]:
        """Take a running minute of the exchange: it replaces the forming one in place, or begins the next."""
        self.resumed()
        return self._take(Candle.of(bar, closed=False, provider=provider, spread=self._spread))

    def trade(self, time_ms: int, price: Decimal, size: Decimal, *, is_buy: bool, provider: str) -> list[Change]:
        """Fold a trade into its minute. One of a minute that is closed is left to history."""
        self.resumed()
        open_ms = MINUTE.open_time_ms(time_ms)
        known = self._minutes.at(open_ms)
        if known is not None and known.closed:
            return []
        return self._take(fold_trade(known, open_ms, price, size, is_buy=is_buy, provider=provider))

    def quote(self, spread: Decimal | None) -> None:
        """Remember the spread for the bars to come."""
        self._spread = spread

    def lost(self) -> None:
        """Take note that nothing comes any more: nothing becomes flat until history has told what was missed."""
        self._is_live = self._is_continuous = False

    def resumed(self) -> None:
        """Take note that the stream is live: what it missed meanwhile is for history to tell."""
        if not self._is_live:
            self._is_live, self._is_continuous = True, False

    def close_until(self, now_ms: int) -> list[Change]:
        """Close the minutes that have ended `close_delay_ms` ago, and begin the present one, flat.

        Where data may be missing the minutes that were seen are closed, and no other is made.
        """
        newest = self._minutes.newest
        if newest is None:
            return []
        last_ms = MINUTE.open_time_ms(now_ms - self._close_delay_ms) - MINUTE.length_ms
        changes: list[Change] = []
        if not newest.closed and newest.open_time_ms <= last_ms:
            changes += self._put(replace(newest, closed=True))
        if self._is_continuous:
            changes += self._flat_until(last_ms)
            changes += self._begin(last_ms + MINUTE.length_ms)
        return changes

    def _begin(self, open_ms: int) -> list[Change]:
        newest = self._minutes.newest
        if newest is None or newest.open_time_ms >= open_ms:
            return []
        return self._put(replace(flat_candle(open_ms, newest, closed=False), spread=self._spread))

    def _take(self, candle: Candle) -> list[Change]:
        newest = self._minutes.newest
        changes: list[Change] = []
        if newest is not None and candle.open_time_ms > newest.open_time_ms:
            if not newest.closed:
                changes += self._put(replace(newest, closed=True))
            if self._is_continuous:
                changes += self._flat_until(candle.open_time_ms - MINUTE.length_ms)
        elif newest is not None and candle.open_time_ms < newest.open_time_ms:
            return self._amend(candle)
        return changes + self._put(candle)

    def _amend(self, candle: Candle) -> list[Change]:
        """A late word on an earlier minute: it counts until history has spoken."""
        if self.verified_until_ms is not None and candle.open_time_ms < self.verified_until_ms:
            return []
        known = self._minutes.at(candle.open_time_ms)
        if known is not None and not known.synthetic and candle.volume < known.volume:
            return []
        return self._put(replace(candle, closed=True))

    def _flat_until(self, last_ms: int) -> list[Change]:
        changes: list[Change] = []
        while (newest := self._minutes.newest) is not None and newest.open_time_ms < last_ms:
            changes += self._put(flat_candle(newest.open_time_ms + MINUTE.length_ms, newest, closed=True))
        return changes

    # --- history ----------------------------------------------------------------------------------------------------
    def unverified(self, now_ms: int) -> tuple[int, int] | None:
        """Return the opening times (first, last) of the closed minutes that history has not been asked for; or None.

        The last one verified is asked again: the exchange may have amended it (the last two closed bars are checked).
        """
        last_ms = MINUTE.open_time_ms(now_ms - self._close_delay_ms) - MINUTE.length_ms
        if self.verified_until_ms is None:
            return last_ms - (self._minutes.limit - 2) * MINUTE.length_ms, last_ms
        if self.verified_until_ms > last_ms and (self._is_continuous or not self._is_live):
            return None
        return min(self.verified_until_ms - MINUTE.length_ms, last_ms), last_ms

    def verify(
        self, bars: Iterable[Bar], until_ms: int, *, provider: str = "exchange", insist: bool = False
    ) -> list[Change]:
        """Take history in: `bars` at equal distances, oldest first, up to the minute that opened at `until_ms`.

        Minutes up to it are closed and final; a bar of less volume than what was seen live is an old copy, and does
        not count (unless `insist`): then `verified_until_ms` stays before it, and history has to be asked again.
        """
        changes: list[Change] = []
        settled_ms: int | None = None
        for bar in bars:
            if bar.open_time_ms > until_ms:
                changes += self._take(Candle.of(bar, closed=False, provider=provider, spread=self._spread))
                continue
            known = self._minutes.at(bar.open_time_ms)
            if known is not None and not known.synthetic and bar.volume < known.volume and not insist:
                break
            spread = known.spread if known else None
            changes += self._put(Candle.of(bar, closed=True, provider=provider, spread=spread))
            settled_ms = bar.open_time_ms
        if settled_ms is not None:
            next_ms = settled_ms + MINUTE.length_ms
            self.verified_until_ms = max(self.verified_until_ms or 0, next_ms)
            self._is_continuous = self._is_continuous or (self._is_live and settled_ms >= until_ms)
        return changes

    def trust(self, until_ms: int) -> list[Change]:
        """Go on without history (it does not answer): what was seen live up to `until_ms` is all there is."""
        self._is_continuous = True
        return self._flat_until(until_ms)

    def load(self, frame: Timeframe, candles: Iterable[Candle]) -> None:
        """Put history of a timeframe in as it is, from the store or the exchange; nothing is rolled up."""
        series = self.series[frame]
        for candle in candles:
            series.put(candle)

    # --- all timeframes ---------------------------------------------------------------------------------------------
    def _put(self, minute: Candle) -> list[Change]:
        kept = self._minutes.put(minute)
        return [] if kept is None else [(MINUTE, kept), *self._rolled_up(kept.open_time_ms)]

    def _rolled_up(self, time_ms: int) -> Iterable[Change]:
        for frame, child in _CHILD.items():
            open_ms = frame.open_time_ms(time_ms)
            children = self.series[child].between(open_ms, open_ms + frame.length_ms)
            expected = (children[-1].open_time_ms - open_ms) // child.length_ms + 1 if children else 0
            if not children or len(children) != expected:
                return  # the beginning was not seen: history will tell
            closed = children[-1].closed and children[-1].open_time_ms + child.length_ms == open_ms + frame.length_ms
            closed = closed and all(each.closed for each in children)
            kept = self.series[frame].put(roll_up(children, open_ms, closed=closed))
            if kept is None:
                return
            yield frame, kept
