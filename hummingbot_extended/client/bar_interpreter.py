"""From candle frames, and REST for what they leave out, to bars without a gap or a duplicate."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hummingbot_extended.candles.bars import Bar as CandleBar
from hummingbot_extended.candles.bars import without_gaps
from hummingbot_extended.candles.exchange_loader import bar_of
from hummingbot_extended.candles.loader import CandleLoader
from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.client.events import Bar
from hummingbot_extended.client.inlet import Received
from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.exchange.models import Candle

logger = logging.getLogger(__name__)

CONFIRM_TIMEOUT_S = 3.0
# Bars that closed while a newcomer's history was on its way.
RECENT_BARS = 500


@dataclass(frozen=True, slots=True)
class History:
    """What a newcomer brings: bars of REST up to now, oldest first, and how many closed ones it wants."""

    bars: Sequence[CandleBar]
    limit: int


class BarInterpreter:
    """Bars of one market and timeframe.

    The stream sends the running candle every 1 to 10 s and never says that one is final (API reference §6.5): its last
    frame may lack the last trades. So when a later one comes, REST is asked for what has closed; if it does not answer
    in 3 s the stream's own values count. The same question brings what an outage has missed; then nothing is made up,
    and it is asked again with each frame until it answers.
    """

    def __init__(self, market: str, frame: Timeframe, loader: CandleLoader) -> None:
        self._market = market
        self._frame = frame
        self._loader = loader
        self._forming: CandleBar | None = None
        self._forming_ts_ms = 0
        self._was_away = False  # and REST has not told yet what was missed
        self._closed: deque[CandleBar] = deque(maxlen=RECENT_BARS)

    async def take(self, received: Received) -> Sequence[Bar]:
        """See Interpreter."""
        events: list[Bar] = []
        candles: list[Candle] = received.frame.candles
        for bar in sorted(map(bar_of, candles), key=lambda bar: bar.open_time_ms):
            if self._forming is not None and bar.open_time_ms < self._forming.open_time_ms:
                continue
            if self._forming is not None and bar.open_time_ms > self._forming.open_time_ms:
                closed = await self._close(self._forming, bar.open_time_ms)
                if closed is None:
                    return events
                self._closed.extend(closed)
                events += [self._event(each, received.frame.ts_ms, is_closed=True) for each in closed]
            self._forming = bar
            self._forming_ts_ms = received.frame.ts_ms
            events.append(self._event(bar, received.frame.ts_ms, is_closed=False, raw=received.raw))
        return events

    def present(self, opening: History) -> Iterable[Bar]:
        """The history, with what has closed since it was asked for, and the bar that is forming."""
        if self._forming is None:
            self._forming = next((bar for bar in reversed(opening.bars) if not bar.synthetic), None)
        if (forming := self._forming) is None:
            return ()
        known = [bar for bar in (*opening.bars, *self._closed) if bar.open_time_ms < forming.open_time_ms]
        closed = without_gaps(known, self._frame, until_ms=forming.open_time_ms - self._frame.length_ms)
        history = [
            replace(self._event(bar, bar.open_time_ms, is_closed=True), is_history=True)
            for bar in closed[max(0, len(closed) - opening.limit) :]
        ]
        if history:
            history[-1] = replace(history[-1], is_end_of_history=True)
        return [*history, self._event(forming, self._forming_ts_ms or forming.open_time_ms, is_closed=False)]

    def reset(self) -> None:
        """See Interpreter: bars may be missing now, and trades of the one that was forming."""
        self._was_away = True

    async def catch_up(self) -> Iterable[Bar]:
        """Nothing yet: the next frame tells up to when bars are missing."""
        return ()

    async def _close(self, last: CandleBar, next_open_ms: int) -> list[CandleBar] | None:
        """The bars from `last` to the one before `next_open_ms`, as REST has them, or as far as they are known here.

        None where an outage has missed some of it and REST does not answer.
        """
        end_ms = next_open_ms - self._frame.length_ms
        limit = (next_open_ms - last.open_time_ms) // self._frame.length_ms
        told: list[CandleBar] = []
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                told = await self._loader.load(
                    self._market, self._frame, limit=limit, start_ms=last.open_time_ms, end_ms=end_ms
                )
        except (ExtendedError, TimeoutError) as error:
            logger.warning("%s %s: the closed bar is not confirmed by REST (%s)", self._market, self._frame, error)
            if self._was_away:
                return None
        else:
            self._was_away = False
        bars = {last.open_time_ms: last}
        for bar in told:
            mine = bars.get(bar.open_time_ms)
            # A cached reply may be older than what the stream said: volume only grows.
            if mine is None or bar.volume >= mine.volume:
                bars[bar.open_time_ms] = bar
        return [bar for bar in without_gaps(bars.values(), self._frame, until_ms=end_ms) if bar.open_time_ms <= end_ms]

    def _event(self, bar: CandleBar, ts_ms: int, *, is_closed: bool, raw: bytes | str | None = None) -> Bar:
        return Bar(
            market=self._market,
            interval=self._frame.interval,
            open_time_ms=bar.open_time_ms,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            is_closed=is_closed,
            ts_ms=ts_ms,
            raw=raw,
        )
