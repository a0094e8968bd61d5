"""A live Hummingbot connector as a source, so that every venue that Hummingbot reads can feed a hub in its process.

Hummingbot's books hold doubles: prices come back as the shortest decimals that mean the same double.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from hummingbot.core.data_type.common import TradeType as HummingbotTradeType
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import OrderBookEvent, OrderBookTradeEvent

from hummingbot_extended.errors import ConnectFailed
from hummingbot_extended.exchange.channels import FundingFrame, Price, PriceFrame, TradesFrame
from hummingbot_extended.exchange.enums import Side, TradeType
from hummingbot_extended.exchange.models import FundingRate, PublicTrade
from hummingbot_extended.hub.kinds import Channel, Feed
from hummingbot_extended.hub.sources.base import Sink
from hummingbot_extended.hub.sources.frames import book_frame, exact, trade_number
from hummingbot_extended.hub.sources.tasks import TaskUpstream

POLL_S = 0.2
RETRY_S = 1.0
# A book tells neither the exchange's time nor all that was in between.
BOOK_COMPLETENESS = 1 / 3


class HummingbotSource:
    """Reads the books, trades and funding of `connector`; a market's name is its trading pair.

    Books are looked at each `poll_s`, trades come as they happen. `name` is the source's, for example "binance".
    """

    def __init__(
        self,
        connector: Any,
        *,
        name: str = "hummingbot",
        poll_s: float = POLL_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._connector = connector
        self._poll_s = poll_s
        self._clock = clock

    def __repr__(self) -> str:
        return f"<HummingbotSource {self.name}>"

    def offers(self, channel: Channel) -> bool:
        """See Source: books and trades of all connectors; funding, mark and index of those for perpetuals."""
        if channel.market not in self._connector.trading_pairs:
            return False
        if channel.feed in (Feed.FUNDING, Feed.MARK, Feed.INDEX):
            return hasattr(self._connector, "get_funding_info")
        return channel.feed in (Feed.BOOK, Feed.QUOTE, Feed.TRADES)

    def open(self, channel: Channel, sink: Sink) -> TaskUpstream:
        """See Source."""
        work = self._trades(channel, sink) if channel.feed is Feed.TRADES else self._poll(channel, sink)
        return TaskUpstream(work, lambda _reason: None, f"{self.name} {channel}")

    async def close(self) -> None:
        """See Source: the connector is its owner's."""

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    async def _book(self, channel: Channel, sink: Sink) -> Any:
        """Return the connector's book, once it has one."""
        while (book := self._connector.order_books.get(channel.market)) is None:
            sink.lost(ConnectFailed(f"{self.name} has no book of {channel.market} yet"))
            await asyncio.sleep(RETRY_S)
        return book

    async def _trades(self, channel: Channel, sink: Sink) -> None:
        book = await self._book(channel, sink)
        sink.connected()

        def take(_tag: int, _source: Any, event: OrderBookTradeEvent) -> None:
            sink.take(TradesFrame(trades=[_trade(channel.market, event)], ts_ms=int(event.timestamp * 1000), seq=1))

        forwarder = SourceInfoEventForwarder(take)
        book.add_listener(OrderBookEvent.TradeEvent, forwarder)
        try:
            # Nothing was missed before the first: what comes from now on is news.
            sink.take(TradesFrame(trades=[], ts_ms=self._now_ms(), seq=1))
            await asyncio.Event().wait()
        finally:
            book.remove_listener(OrderBookEvent.TradeEvent, forwarder)

    async def _poll(self, channel: Channel, sink: Sink) -> None:
        book = await self._book(channel, sink)
        sink.connected()
        last_id = None
        while True:
            if channel.feed in (Feed.BOOK, Feed.QUOTE):
                if (changed := (book.snapshot_uid, book.last_diff_uid)) != last_id:
                    last_id = changed
                    sink.take(self._book_frame(channel, book), BOOK_COMPLETENESS)
            elif (info := self._connector.get_funding_info(channel.market)) is not None:
                sink.take(self._of_funding(channel, info), BOOK_COMPLETENESS)
            await asyncio.sleep(self._poll_s)

    def _book_frame(self, channel: Channel, book: Any) -> Any:
        sides = [
            [(exact(row.price), exact(row.amount)) for row in rows] for rows in (book.bid_entries(), book.ask_entries())
        ]
        is_best = channel.feed is Feed.QUOTE
        return book_frame(channel.market, sides[0], sides[1], ts_ms=self._now_ms(), best_only=is_best)

    def _of_funding(self, channel: Channel, info: Any) -> Any:
        now_ms = self._now_ms()
        if channel.feed is Feed.FUNDING:
            rate = FundingRate(market=channel.market, time_ms=now_ms, rate=info.rate)
            return FundingFrame(funding=rate, ts_ms=now_ms, seq=1)
        price = info.mark_price if channel.feed is Feed.MARK else info.index_price
        kind = "MP" if channel.feed is Feed.MARK else "IP"
        return PriceFrame(price=Price(market=channel.market, price=price), kind=kind, ts_ms=now_ms, seq=1)


def _trade(market: str, event: OrderBookTradeEvent) -> PublicTrade:
    return PublicTrade(
        id=trade_number(str(event.trade_id or "")),
        market=market,
        side=Side.BUY if event.type is HummingbotTradeType.BUY else Side.SELL,
        type=TradeType.TRADE,
        time_ms=int(event.timestamp * 1000),
        price=exact(event.price),
        qty=exact(event.amount),
    )
