"""REST polling: the last resort of every feed, and the only source of statistics."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from hummingbot_extended.errors import ExtendedError, RateLimited
from hummingbot_extended.exchange.channels import CandleFrame, FundingFrame, Price, PriceFrame, TradesFrame
from hummingbot_extended.exchange.enums import PriceType
from hummingbot_extended.exchange.models import FundingRate
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.hub.kinds import Channel, Feed
from hummingbot_extended.hub.scores import COOLING_S
from hummingbot_extended.hub.sources.base import Sink
from hummingbot_extended.hub.sources.frames import book_frame
from hummingbot_extended.hub.sources.tasks import TaskUpstream

POLL_S = 2.0
MAX_RETRY_S = 30.0
# What a reply tells of the three things that a stream tells: the exchange's time, a sequence, all that was in between.
_COMPLETENESS = {Feed.TRADES: 1 / 3, Feed.CANDLES: 1 / 3, Feed.STATS: 1.0}


class RestSource:
    """Asks each channel every `poll_s`, statistics every `stats_s`. `clock` is epoch seconds."""

    name = "extended_rest"

    def __init__(
        self,
        rest: ExtendedRest,
        *,
        poll_s: float = POLL_S,
        stats_s: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rest = rest
        self._poll_s = poll_s
        self._stats_s = stats_s
        self._clock = clock

    def __repr__(self) -> str:
        return f"<RestSource every {self._poll_s:g} s>"

    def offers(self, channel: Channel) -> bool:
        """See Source: everything."""
        return True

    def open(self, channel: Channel, sink: Sink) -> TaskUpstream:
        """See Source."""
        return TaskUpstream(self._poll(channel, sink), lambda _reason: None, f"{self.name} {channel}")

    async def close(self) -> None:
        """See Source: it holds nothing."""

    async def _poll(self, channel: Channel, sink: Sink) -> None:
        every_s = self._stats_s if channel.feed is Feed.STATS else self._poll_s
        wait_s, is_connected = 0.0, False
        while True:
            await asyncio.sleep(wait_s)
            try:
                frame = await self._ask(channel)
                if not is_connected:
                    sink.connected()
                    is_connected = True
                sink.take(frame, _COMPLETENESS.get(channel.feed, 0.0))
                wait_s = every_s
            except ExtendedError as error:
                sink.lost(error)
                is_connected = False
                wait_s = min(MAX_RETRY_S, max(every_s, wait_s * 2))
                if isinstance(error, RateLimited):  # asked before, the exchange would count on
                    wait_s = max(wait_s, COOLING_S if error.retry_after_s is None else error.retry_after_s)

    async def _ask(self, channel: Channel) -> Any:
        """Return a frame, or the statistics, as they are now. Raises what ExtendedRest raises."""
        market, rest = channel.market, self._rest
        match channel.feed:
            case Feed.BOOK | Feed.QUOTE:
                book = await rest.order_book(market)
                sides = [[(level.price, level.qty) for level in levels] for levels in (book.bid, book.ask)]
                is_best = channel.feed is Feed.QUOTE
                return book_frame(market, sides[0], sides[1], ts_ms=self._now_ms(), best_only=is_best)
            case Feed.TRADES:
                trades = await rest.public_trades(market)
                return TradesFrame(trades=list(trades), ts_ms=self._now_ms(), seq=0)
            case Feed.CANDLES:
                assert channel.frame is not None  # noqa: S101  # a channel of candles has one
                candles = await rest.candles(market, channel.frame.code, limit=2)
                return CandleFrame(candles=list(candles), ts_ms=self._now_ms(), seq=0)
        stats = await rest.market_stats(market)
        now_ms = self._now_ms()
        match channel.feed:
            case Feed.FUNDING:
                rate = FundingRate(market=market, time_ms=now_ms, rate=stats.funding_rate)
                return FundingFrame(funding=rate, ts_ms=now_ms, seq=0)
            case Feed.MARK:
                return _price(market, PriceType.MARK, stats.mark_price, now_ms)
            case Feed.INDEX:
                return _price(market, PriceType.INDEX, stats.index_price, now_ms)
        return stats

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _price(market: str, price_type: PriceType, price: Any, now_ms: int) -> PriceFrame:
    kind = "MP" if price_type is PriceType.MARK else "IP"
    return PriceFrame(price=Price(market=market, price=price), kind=kind, ts_ms=now_ms, seq=0)
