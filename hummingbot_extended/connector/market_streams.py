"""Every stream of one market, on sockets of their own or as topics of one, and what they feed."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from hummingbot.core.data_type.order_book import OrderBook

from hummingbot_extended.connector.book_feed import BookFeed
from hummingbot_extended.connector.prices import MarketPrices, PriceNews
from hummingbot_extended.connector.trade_feed import TradeFeed
from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.exchange.channels import (
    FundingFrame,
    PriceFrame,
    Topic,
    decode_funding,
    decode_price,
    funding_path,
    orderbook_path,
    price_path,
    trades_path,
)
from hummingbot_extended.exchange.enums import PriceType
from hummingbot_extended.streams.sequence import SequenceChecker, unchecked
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.topic_stream import TopicStream

# How long a stream may be silent (s): a trade may be rare, a rate is hourly. A book is judged by its own habits.
TRADES_SILENCE_S = 900.0
PRICE_SILENCE_S = 300.0
FUNDING_SILENCE_S = 3_900.0


class Feed(Protocol):
    """What a stream's messages go to."""

    def connected(self, *, is_sequenced: bool = True) -> None:
        """A new connection; its first message follows. `is_sequenced`: `seq` counts this stream's messages, from 1."""
        ...

    def disconnected(self, reason: str) -> None:
        """The connection is gone."""
        ...

    def handle(self, message: bytes | str) -> None:
        """Take a message. Raises ProtocolError, upon which the stream reconnects."""
        ...


class OpenStream(Protocol):
    """Makes one public stream; nothing is opened before its `run`.

    It keeps no data deadline of its own: a timer for each message would cost more than the message.
    """

    def __call__(self, path: str, topic: Topic, feed: Feed) -> StreamSupervisor | TopicStream:
        """Return the stream that v1 has at `path` and v2 as `topic`."""
        ...


class PriceFeed[News: FundingFrame | PriceFrame]:
    """One price of one market. `is_live` from a connection's first message until that connection is gone."""

    def __init__(self, decode: Callable[[bytes | str], News], take: Callable[[News], None]) -> None:
        self.is_live = False
        self._decode = decode
        self._take = take
        self._check_sequence = SequenceChecker().check

    def connected(self, *, is_sequenced: bool = True) -> None:
        """See Feed."""
        self._check_sequence = SequenceChecker().check if is_sequenced else unchecked

    def disconnected(self, _reason: str) -> None:
        """The connection is gone."""
        self.is_live = False

    def handle(self, message: bytes | str) -> None:
        """Take one message. Raises ProtocolError, upon which the stream reconnects."""
        frame = self._decode(message)
        self._check_sequence(frame.seq)
        self.is_live = True
        self._take(frame)


class MarketStreams:
    """The live data of one market. `run` keeps it live until cancelled; the properties tell where it stands.

    Books and trades go straight into `order_book`; each price or rate is remembered in `prices` and passed to
    `on_prices`, which must conflate. `on_live` is called when the book became true (again).
    """

    def __init__(
        self,
        trading_pair: str,
        market: str,
        order_book: OrderBook,
        *,
        prices: MarketPrices,
        open_stream: OpenStream,
        on_prices: Callable[[PriceNews], None],
        on_live: Callable[[str], None],
    ) -> None:
        self.trading_pair = trading_pair
        self.prices = prices
        self._on_live = on_live
        self._has_book = asyncio.Event()
        self._on_prices = on_prices
        self.book = BookFeed(
            trading_pair,
            order_book,
            on_silent=lambda reason: self.supervisors[0].request_reconnect(reason),
            on_mended=self._mended,
        )
        self.trades = TradeFeed(trading_pair, on_trade=order_book.apply_trade, on_last_price=self._set_last_price)
        self._mark = PriceFeed(decode_price, lambda frame: self._price(frame, PriceType.MARK))
        self._index = PriceFeed(decode_price, lambda frame: self._price(frame, PriceType.INDEX))
        self._funding = PriceFeed(decode_funding, self._news)
        feeds: tuple[tuple[str, Topic, Feed], ...] = (
            (orderbook_path(market), Topic.orderbook(market), self.book),
            (trades_path(market), Topic.trades(market), self.trades),
            (funding_path(market), Topic.funding(market), self._funding),
            (price_path(PriceType.MARK, market), Topic.price(PriceType.MARK, market), self._mark),
            (price_path(PriceType.INDEX, market), Topic.price(PriceType.INDEX, market), self._index),
        )
        self._feeds = tuple(feed for *_, feed in feeds)
        self.supervisors = tuple(open_stream(path, topic, feed) for path, topic, feed in feeds)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.book!r} {self.trades!r} {self.prices!r}>"

    @property
    def order_book(self) -> OrderBook:
        """Hummingbot's book of this market."""
        return self.book.order_book

    async def run(self) -> None:
        """Keep all streams open until cancelled; then all are closed, and the book is broken. May be run again.

        The book comes first: where many pairs share a host's budget of connects, every pair gets its book before any
        gets the rest.
        """
        book, *others = self.supervisors
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(book.run(), name=book.name)
                await self._has_book.wait()
                for supervisor in others:
                    group.create_task(supervisor.run(), name=supervisor.name)
        finally:
            for feed in self._feeds:
                feed.disconnected("its streams have ended")

    def check_silence(self) -> None:
        """Have streams reconnect that were silent for too long, and see how late the book is. Call it every second."""
        self.book.check_silence()
        self._observe_lag()
        limits = (TRADES_SILENCE_S, FUNDING_SILENCE_S, PRICE_SILENCE_S, PRICE_SILENCE_S)
        for supervisor, limit_s in zip(self.supervisors[1:], limits, strict=True):
            heard_s = max(supervisor.stats.connected_at_s or 0.0, supervisor.stats.last_message_at_s or 0.0)
            if supervisor.is_connected and time.monotonic() - heard_s > limit_s:
                supervisor.request_reconnect(f"no data for {limit_s:.0f} s")

    def describe(self) -> str:
        """Return one line for status displays: the book's state, its lag in ms, reconnects and gaps."""
        stats, broken = self.supervisors[0].stats, self.book.broken_reason()
        lag = "" if stats.lag.last_ms is None else f", latency {stats.lag.last_ms:.0f} ms"
        state = f"broken: {broken}" if broken else "live"
        return f"{self.trading_pair} book {state}{lag}, {stats.reconnects} reconnects, {stats.gaps} gaps"

    def _observe_lag(self) -> None:
        # Sampled here, not at each message: two calls of the clock would cost a tenth of what a message costs.
        stats = self.supervisors[0].stats
        if self.book.last_ts_ms and stats.last_message_at_s is not None:
            age_ms = (time.monotonic() - stats.last_message_at_s) * 1000
            stats.lag.observe(self.book.last_ts_ms, time.time() * 1000 - age_ms)

    def _mended(self) -> None:
        self._has_book.set()
        self._on_live(self.trading_pair)

    def _set_last_price(self, price: float) -> None:
        self.order_book.last_trade_price = price

    def _price(self, frame: PriceFrame, expected: PriceType) -> None:
        if frame.price_type is not expected:
            raise ProtocolError(f"a frame of type {frame.kind!r} on the stream of {expected} prices")
        self._news(frame)

    def _news(self, frame: PriceNews) -> None:
        self.prices.apply(frame)
        self._on_prices(frame)

    @property
    def mark_price(self) -> Decimal | None:
        """The mark price while its stream is live, otherwise None."""
        return self.prices.mark_price if self._mark.is_live else None
