"""`client.market_data`: the streams that need no key."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Unpack

from hummingbot_extended.candles.exchange_loader import ExchangeLoader
from hummingbot_extended.candles.loader import CandleLoader
from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.client import channel
from hummingbot_extended.client.bar_interpreter import BarInterpreter, History
from hummingbot_extended.client.channel import Channel
from hummingbot_extended.client.events import Book
from hummingbot_extended.client.feed import Feed, Interpreter
from hummingbot_extended.client.feeds import HISTORY, LATEST, Feeds, StreamOptions, Wishes
from hummingbot_extended.client.inlet import Source
from hummingbot_extended.client.market_interpreters import (
    BookChange,
    BookInterpreter,
    LatestInterpreter,
    TradeInterpreter,
    funding_of,
    mark_price_of,
    quote_of,
)
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.streams.subscription import Callback, ErrorCallback, Subscription

HISTORY_BARS = 500
BOOK_DEPTH = 20
# The candle channel opens with the running candle; a server that does not send it is not waited for longer.
FIRST_CANDLE_S = 2.0


class MarketData:
    """Live market data. Every method returns a `Subscription`, connected; see there for callbacks and iteration.

    `symbols` are names of the exchange ("BTC-USD"). `error_callback(error)` hears of lost connections and of what goes
    wrong in a callback; streams reconnect by themselves. `options` are those of `StreamOptions`.

    All raise StreamLimitReached at the client's limit, ConnectFailed where the first connection fails (`status` 404: no
    such market), SettingsError on bad arguments; nothing stays subscribed then. Cancelling leaves nothing behind.
    """

    def __init__(
        self, feeds: Feeds, source: Source, rest: ExtendedRest, *, bar_loader: CandleLoader | None = None
    ) -> None:
        self._feeds = feeds
        self._source = source
        self._rest = rest
        self._bars = bar_loader or ExchangeLoader(rest)

    async def stream_quotes(
        self,
        symbols: str | Iterable[str],
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream `Quote`s of one or more markets, every 10 ms where they change. A slow callback gets the newest."""
        feeds = [self._feed(channel.quotes(symbol), lambda: LatestInterpreter(quote_of)) for symbol in _names(symbols)]
        wishes = Wishes(name="quotes", inbox=LATEST, callback=callback, error_callback=error_callback, **options)
        return await self._feeds.subscribe(feeds, wishes)

    async def stream_order_book(
        self,
        symbol: str,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        *,
        depth: int | None = BOOK_DEPTH,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream the order book, `depth` levels a side (None: all), every 100 ms where it changes.

        After an outage nothing comes until the exchange has sent the whole book again.
        """

        def view(change: BookChange) -> Book:
            return change.view(depth)

        feed = self._feed(channel.order_book(symbol), lambda: BookInterpreter(symbol))
        wishes = Wishes(name="order book", inbox=LATEST, callback=callback, error_callback=error_callback, **options)
        return await self._feeds.subscribe([feed], replace(wishes, view=view))

    async def stream_time_and_sales(
        self,
        symbol: str,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream `Trade`s, each id once. The latest 50 come first; after an outage REST tells what it still has."""
        feed = self._feed(channel.trades(symbol), lambda: TradeInterpreter(symbol, self._rest))
        wishes = Wishes(name="trades", inbox=HISTORY, callback=callback, error_callback=error_callback, **options)
        return await self._feeds.subscribe([feed], wishes)

    async def stream_bars(
        self,
        symbol: str,
        interval: str,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        *,
        history: int = HISTORY_BARS,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream `Bar`s of `interval` ("1m", "PT1M" …): `history` closed ones first, oldest first, then live.

        The last bar of the history has `is_end_of_history`. Closed bars come once each, without a gap, also over an
        outage; what is forming comes with `is_closed` False. Raises also what the history's REST calls raise.
        """
        frame = timeframe(interval)
        feed = self._feed(channel.candles(symbol, frame.code), lambda: BarInterpreter(symbol, frame, self._bars))
        options.setdefault("limit", max(HISTORY.limit, history + 100))

        async def opening(opened: Feed) -> History:
            await opened.first_frame(FIRST_CANDLE_S)
            bars = await self._bars.load(symbol, frame, limit=history + 1) if history else []
            return History(bars, history)

        wishes = Wishes(name="bars", inbox=HISTORY, callback=callback, error_callback=error_callback, **options)
        return await self._feeds.subscribe([feed], wishes, opening)

    async def stream_funding(
        self,
        symbol: str,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream `Funding` rates; the present one first where the exchange sends it (API reference §6.4)."""
        feed = self._feed(channel.funding(symbol), lambda: LatestInterpreter(funding_of))
        wishes = Wishes(name="funding", inbox=LATEST, callback=callback, error_callback=error_callback, **options)
        return await self._feeds.subscribe([feed], wishes)

    async def stream_mark_price(
        self,
        symbol: str,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream `MarkPrice`s, on each change."""
        feed = self._feed(channel.mark_price(symbol), lambda: LatestInterpreter(mark_price_of))
        wishes = Wishes(name="mark price", inbox=LATEST, callback=callback, error_callback=error_callback, **options)
        return await self._feeds.subscribe([feed], wishes)

    def _feed(self, of: Channel, interpreter: Callable[[], Interpreter]) -> Feed:
        return self._feeds.of(of, interpreter, self._source)


def _names(symbols: str | Iterable[str]) -> list[str]:
    names = [symbols] if isinstance(symbols, str) else list(dict.fromkeys(symbols))
    if not names or not all(names):
        raise SettingsError("name at least one market, such as BTC-USD")
    return names
