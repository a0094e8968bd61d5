"""Market data that clients have subscribed to: books and tickers when they change, public trades as they come."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import OrderBookEvent, OrderBookTradeEvent

from hummingbot_extended.bridge.exchanges import Exchange, Exchanges, text_of
from hummingbot_extended.gateway.errors import ErrorCode, HummingbotClientException, InvalidOrderError
from hummingbot_extended.gateway.protocol import encode_event

logger = logging.getLogger(__name__)

INTERVAL_S = 0.1
DEPTH = 20
CHANNELS = ("order_book", "ticker", "trades")


class Subscriber(Protocol):
    """Who receives market data. Neither call waits."""

    def offer_latest(self, feed: "Feed", event: bytes) -> None:
        """Take an event that replaces the feed's last one if that was not sent yet."""
        ...

    def offer(self, event: bytes) -> None:
        """Take an event that must not be lost."""
        ...


@dataclass(frozen=True, slots=True)
class Feed:
    """One kind of data of one market."""

    channel: str
    exchange: str
    market: str


class Feeds:
    """One look at a market serves all its subscribers. Hummingbot's books tell of no change: they are asked.

    `run` is a task of the server.
    """

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges
        self._subscribers: dict[Feed, set[Subscriber]] = {}
        self._last: dict[Feed, Any] = {}
        self._trade_listeners: dict[Feed, tuple[OrderBook, SourceInfoEventForwarder]] = {}

    def __repr__(self) -> str:
        return f"<Feeds {len(self._subscribers)}>"

    def subscribe(self, feed: Feed, subscriber: Subscriber) -> None:
        """Add a subscriber; it gets the present book or ticker at once. Raises what an unknown market raises."""
        if feed.channel not in CHANNELS:
            message = f"there is no channel {feed.channel!r}; there are {', '.join(CHANNELS)}"
            raise InvalidOrderError(message, code=ErrorCode.INVALID_REQUEST)
        exchange = self._exchanges.find_market(feed.exchange, feed.market)
        if feed.channel == "trades":
            self._listen(feed, exchange.book(feed.market))
            self._subscribers.setdefault(feed, set()).add(subscriber)
            return
        event = self._event(feed, exchange)
        self._subscribers.setdefault(feed, set()).add(subscriber)
        subscriber.offer_latest(feed, event)

    def unsubscribe(self, feed: Feed, subscriber: Subscriber) -> None:
        """Remove a subscriber; one that is not there is no error."""
        subscribers = self._subscribers.get(feed, set())
        subscribers.discard(subscriber)
        if not subscribers:
            self._subscribers.pop(feed, None)
            self._last.pop(feed, None)
            if (listening := self._trade_listeners.pop(feed, None)) is not None:
                book, forwarder = listening
                book.remove_listener(OrderBookEvent.TradeEvent, forwarder)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a subscriber from everything."""
        for feed in [feed for feed, subscribers in self._subscribers.items() if subscriber in subscribers]:
            self.unsubscribe(feed, subscriber)

    async def run(self) -> None:
        """Send what has changed, until cancelled."""
        while True:
            for feed in list(self._subscribers):
                try:
                    self._refresh(feed)
                except HummingbotClientException as error:
                    logger.debug("%s: %s", feed, error)  # the connector tells of its own trouble
                except Exception:  # a defect on one market must not stop the others' data; clients are to know
                    logger.exception("The bridge cannot read %s, and ends it.", feed)
                    self._end(feed)
            await asyncio.sleep(INTERVAL_S)

    def _refresh(self, feed: Feed) -> None:
        exchange = self._exchanges.find(feed.exchange)
        if feed.channel == "trades":
            self._listen(feed, exchange.book(feed.market))  # a reconnect may have brought another book
            return
        state = _state(feed, exchange)
        if state == self._last.get(feed):
            return
        self._last[feed] = state
        event = self._event(feed, exchange)
        for subscriber in list(self._subscribers.get(feed, ())):
            subscriber.offer_latest(feed, event)

    def _end(self, feed: Feed) -> None:
        message = (
            f"{feed.exchange} gives no {feed.channel} of {feed.market} any more; subscribe again, its log says why"
        )
        data = {"kind": "feed", "message": message, "exchange": feed.exchange, "symbol": feed.market}
        event = encode_event("error", {**data, "channel": feed.channel, "timestamp": time.time()})
        for subscriber in list(self._subscribers.get(feed, ())):
            subscriber.offer(event)
            self.unsubscribe(feed, subscriber)

    def _event(self, feed: Feed, exchange: Exchange) -> bytes:
        if feed.channel == "order_book":
            return encode_event("order_book_update", exchange.levels(feed.market, DEPTH))
        return encode_event("ticker_update", ticker(exchange, feed.market))

    def _listen(self, feed: Feed, book: OrderBook) -> None:
        listening = self._trade_listeners.get(feed)
        if listening is not None and listening[0] is book:
            return
        if listening is not None:
            listening[0].remove_listener(OrderBookEvent.TradeEvent, listening[1])
        forwarder = SourceInfoEventForwarder(self._pass_on(feed))
        book.add_listener(OrderBookEvent.TradeEvent, forwarder)
        self._trade_listeners[feed] = (book, forwarder)

    def _pass_on(self, feed: Feed) -> Callable[[Any, Any, OrderBookTradeEvent], None]:
        def forward(_tag: Any, _source: Any, trade: OrderBookTradeEvent) -> None:
            data = {
                "trade_id": trade.trade_id,
                "own": False,
                "symbol": feed.market,
                "exchange": feed.exchange,
                "price": text_of(trade.price),
                "amount": text_of(trade.amount),
                "side": "buy" if trade.type is TradeType.BUY else "sell",
                "timestamp": trade.timestamp,
            }
            event = encode_event("trade", data)
            for subscriber in list(self._subscribers.get(feed, ())):
                subscriber.offer(event)

        return forward


def ticker(exchange: Exchange, market: str) -> dict[str, Any]:
    """Return best bid, best ask and last price; of a perpetual also mark, index and funding rate."""
    quote = exchange.quote(market)
    data: dict[str, Any] = {
        "timestamp": time.time(),
        "symbol": market,
        "exchange": exchange.name,
        "bid": quote.bid,
        "ask": quote.ask,
        "last": quote.last,
        "volume": None,
    }
    funding = getattr(exchange.connector, "get_funding_info", None)
    if funding is not None:
        try:
            info = funding(market)
        except KeyError:  # before the first one has come
            return data
        data |= {
            "mark_price": text_of(info.mark_price),
            "index_price": text_of(info.index_price),
            "funding_rate": text_of(info.rate),
        }
    return data


def _state(feed: Feed, exchange: Exchange) -> Any:
    book = exchange.book(feed.market)
    if feed.channel == "order_book":
        return book.snapshot_uid, book.last_diff_uid
    return exchange.quote(feed.market)
