"""Public market data for Hummingbot: books and trades straight into its OrderBooks, funding into its queue."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hummingbot.core.data_type.funding_info import FundingInfo, FundingInfoUpdate
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessage
from hummingbot.core.data_type.perpetual_api_order_book_data_source import PerpetualAPIOrderBookDataSource
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

from hummingbot_extended.connector import extended_perpetual_constants as CONSTANTS
from hummingbot_extended.connector import queue_messages
from hummingbot_extended.connector.conflating_queue import ConflatingQueue
from hummingbot_extended.connector.extended_perpetual_web_utils import public_stream_url, rpc_url
from hummingbot_extended.connector.market_streams import Feed, MarketStreams
from hummingbot_extended.connector.prices import MarketPrices, PriceNews
from hummingbot_extended.connector.rest import AssistantSend
from hummingbot_extended.connector.transport import stream_transports
from hummingbot_extended.errors import ExtendedError, ProtocolError
from hummingbot_extended.exchange.channels import FundingFrame, Topic
from hummingbot_extended.exchange.endpoints import find_domain
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.topic_stream import RpcSocket, TopicStream
from hummingbot_extended.streams.transport import StreamRequest

if TYPE_CHECKING:
    from hummingbot.connector.exchange_py_base import ExchangePyBase

    from hummingbot_extended.streams.transport_choice import TransportChoice

NOT_SUBSCRIBED = "not subscribed"
WATCH_INTERVAL_S = 1.0
FUNDING_REFRESH_S = 5.0
SYMBOL_RETRY_S = 5.0
RESTART_AFTER_S = 5.0
FUNDING_NEWS_INTERVAL_S = 0.25


class ExtendedPerpetualAPIOrderBookDataSource(PerpetualAPIOrderBookDataSource):
    """Keeps Hummingbot's OrderBooks and funding info true to the exchange's public streams.

    `listen_for_subscriptions` runs everything until it is cancelled: for each trading pair the streams of one market,
    whose messages go straight into that pair's OrderBook, without a queue. `get_new_order_book` hands out that very
    OrderBook once it holds the market. What may not be trusted has a `broken_reason`; it heals by itself.

    `rest` and `transports` are made from `api_factory` where they are not given. `connector` translates symbols.
    `use_rpc` reads everything over one v2 socket, and over v1 by `transports` while that does not work.
    """

    _logger: logging.Logger | None = None

    def __init__(
        self,
        trading_pairs: list[str],
        connector: "ExchangePyBase",
        api_factory: WebAssistantsFactory,
        domain: str = CONSTANTS.DEFAULT_DOMAIN,
        *,
        rest: ExtendedRest | None = None,
        transports: "TransportChoice | None" = None,
        use_rpc: bool = False,
    ) -> None:
        super().__init__(trading_pairs)
        self._connector = connector
        self._domain = domain
        self._rest = rest or ExtendedRest(
            AssistantSend(api_factory, api_factory.throttler, find_domain(domain).rest_url)
        )
        self._transports = transports or stream_transports(api_factory, url=public_stream_url("", domain))
        self._rpc_transports = stream_transports(api_factory, "websocket") if use_rpc else None
        self._rpc: RpcSocket | None = None
        self._books: dict[str, OrderBook] = {}
        self._live: dict[str, asyncio.Event] = {}
        self._prices: dict[str, MarketPrices] = {}
        self._pairs: dict[str, str] = {}  # by the exchange's symbol
        self._streams: dict[str, MarketStreams] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._running = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self._update_id = 0
        self._message_queue[self._funding_info_messages_queue_key] = ConflatingQueue(_news_key)

    def __repr__(self) -> str:
        broken = {pair: reason for pair in self._trading_pairs if (reason := self.broken_reason(pair))}
        return f"<{type(self).__name__} {self._domain}: {len(self._streams)} markets, broken: {broken or 'none'}>"

    # --- what the connector asks ------------------------------------------------------------------------------------

    def broken_reason(self, trading_pair: str) -> str | None:
        """Why the pair's order book must not be traded on now, or None when it is true to the exchange."""
        streams = self._streams.get(trading_pair)
        return NOT_SUBSCRIBED if streams is None else streams.book.broken_reason()

    def mark_price(self, trading_pair: str) -> Decimal | None:
        """The mark price while its stream is live; None otherwise."""
        streams = self._streams.get(trading_pair)
        return None if streams is None else streams.mark_price

    def streams(self, trading_pair: str) -> MarketStreams | None:
        """The pair's live data with its counters and connections, for status displays; None when not subscribed."""
        return self._streams.get(trading_pair)

    @property
    def is_running(self) -> bool:
        """Whether `listen_for_subscriptions` runs."""
        return self._group is not None

    async def wait_live(self, trading_pair: str) -> OrderBook:
        """Wait until the pair's OrderBook holds the market, and return it: always the same object for a pair."""
        await self._live_event(trading_pair).wait()
        return self._book(trading_pair)

    # --- running ----------------------------------------------------------------------------------------------------

    async def listen_for_subscriptions(self) -> None:
        """Keep the streams of all pairs open until cancelled; then they are closed when this returns.

        One that is started while the one before is still closing waits for it.
        """
        async with self._running, self._rpc_socket():
            try:
                async with asyncio.TaskGroup() as group:
                    self._group = group
                    for trading_pair in list(self._trading_pairs):
                        self._start(trading_pair)
                    group.create_task(self._watch_silence(), name="silence of order books")
                    group.create_task(self._refresh_funding_times(), name="next funding times")
            finally:
                self._group = None
                self._tasks.clear()
                self.forget_live()

    def forget_live(self) -> None:
        """Have `wait_live` wait for new snapshots: what was live is being stopped."""
        for event in self._live.values():
            event.clear()

    async def subscribe_to_trading_pair(self, trading_pair: str) -> bool:
        """Open the pair's streams. False, with a log line, where `listen_for_subscriptions` does not run."""
        if self._group is None:
            self.logger().warning(f"Cannot subscribe to {trading_pair}: the streams are not running")
            return False
        self.add_trading_pair(trading_pair)
        if trading_pair not in self._tasks:
            self._start(trading_pair)
        return True

    async def unsubscribe_from_trading_pair(self, trading_pair: str) -> bool:
        """Close the pair's streams and forget its data. False, with a log line, where they were not open."""
        self.remove_trading_pair(trading_pair)
        task = self._tasks.pop(trading_pair, None)
        if task is None:
            self.logger().warning(f"Cannot unsubscribe from {trading_pair}: it has no streams")
            return False
        task.cancel()
        await asyncio.wait([task])
        for known in (self._books, self._live, self._prices):
            known.pop(trading_pair, None)
        return True

    def _start(self, trading_pair: str) -> None:
        if self._group is None:
            raise RuntimeError("the streams are not running")
        self._tasks[trading_pair] = self._group.create_task(
            self._run_market(trading_pair), name=f"market data of {trading_pair}"
        )

    async def _run_market(self, trading_pair: str) -> None:
        market = await self._market(trading_pair)
        self._pairs[market] = trading_pair
        self._streams[trading_pair] = streams = MarketStreams(
            trading_pair,
            market,
            self._book(trading_pair),
            prices=self._prices_of(trading_pair),
            open_stream=self._open_stream,
            on_prices=self._message_queue[self._funding_info_messages_queue_key].put_nowait,
            on_live=lambda pair: self._live_event(pair).set(),
        )
        try:
            while True:
                await self._run_streams(streams)
                await self._sleep(RESTART_AFTER_S)
        finally:
            del self._streams[trading_pair]

    async def _run_streams(self, streams: MarketStreams) -> None:
        """Run the streams of one market; return where they have failed. The other markets live on."""
        try:
            await streams.run()
        except Exception:  # noqa: BLE001 - logged, and tried again: the other markets must not go with it
            self.logger().exception(
                f"The market data of {streams.trading_pair} failed; its book is not traded on until it is back. "
                f"Its streams are opened again in {RESTART_AFTER_S:g} s."
            )

    async def _market(self, trading_pair: str) -> str:
        """The exchange's symbol of the pair; waits for as long as the exchange's list of markets is not there."""
        is_known_to_fail = False
        while True:
            try:
                return await self._connector.exchange_symbol_associated_to_pair(trading_pair=trading_pair)
            except (OSError, ProtocolError, KeyError) as error:
                if not is_known_to_fail:
                    self.logger().warning(f"No market for {trading_pair} yet ({error!r}); trying again")
                is_known_to_fail = True
                await self._sleep(SYMBOL_RETRY_S)

    @asynccontextmanager
    async def _rpc_socket(self) -> AsyncIterator[None]:
        """Have the v2 socket, where it is used; the first topic opens it."""
        if self._rpc_transports is None:
            yield
            return
        url = rpc_url(self._domain)
        request = StreamRequest(url=url, data_timeout_s=None)
        self._rpc = RpcSocket(RpcStream(url, request=request, transports=self._rpc_transports))
        try:
            yield
        finally:
            await self._rpc.close()
            self._rpc = None

    def _open_stream(self, path: str, topic: Topic, feed: Feed) -> StreamSupervisor | TopicStream:
        async def connected() -> None:
            feed.connected()

        def disconnected(error: ExtendedError) -> None:
            feed.disconnected(str(error))

        supervisor = StreamSupervisor(
            StreamRequest(url=public_stream_url(path, self._domain), data_timeout_s=None),
            self._transports,
            on_message=feed.handle,
            on_connected=connected,
            on_disconnected=disconnected,
        )
        if self._rpc is None:
            return supervisor
        return TopicStream(
            self._rpc,
            topic,
            supervisor,
            on_message=feed.handle,
            on_connected=lambda: feed.connected(is_sequenced=False),
            on_disconnected=disconnected,
        )

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            for streams in self._streams.values():
                streams.check_silence()

    # --- funding ----------------------------------------------------------------------------------------------------

    async def get_funding_info(self, trading_pair: str) -> FundingInfo:
        """The pair's funding info from the exchange's statistics. Raises what ExtendedRest.market_stats raises."""
        market = await self._connector.exchange_symbol_associated_to_pair(trading_pair=trading_pair)
        return self._prices_of(trading_pair).apply_stats(await self._rest.market_stats(market))

    async def listen_for_funding_info(self, output: asyncio.Queue[FundingInfoUpdate]) -> None:
        """Pass the streams' news on to `output` until cancelled: of each kind and pair the newest, 4 times a second."""
        queue = self._message_queue[self._funding_info_messages_queue_key]
        while True:
            event = await queue.get()
            try:
                await self._parse_funding_info_message(raw_message=event, message_queue=output)
            except (ProtocolError, KeyError) as error:
                self.logger().error(
                    f"Unexpected error when processing public funding info updates from exchange: {error}"
                )
            if queue.empty():
                await self._sleep(FUNDING_NEWS_INTERVAL_S)

    async def _parse_funding_info_message(
        self, raw_message: Mapping[str, Any] | PriceNews | FundingInfoUpdate, message_queue: asyncio.Queue[Any]
    ) -> None:
        """Put the FundingInfoUpdate of a price or funding frame (as JSON object or decoded) into `message_queue`."""
        if not isinstance(raw_message, FundingInfoUpdate):
            raw_message = await self._funding_update(raw_message)
        message_queue.put_nowait(raw_message)

    async def _funding_update(self, event: Mapping[str, Any] | PriceNews) -> FundingInfoUpdate:
        frame = queue_messages.price_news(event) if isinstance(event, Mapping) else event
        return self._prices_of(await self._pair(_market_of(frame))).apply(frame)

    async def _refresh_funding_times(self) -> None:
        """Ask for the next funding time once the known one has passed: only REST tells it (API reference §6.4)."""
        while True:
            await asyncio.sleep(FUNDING_REFRESH_S)
            for trading_pair in [pair for pair in self._streams if self._prices_of(pair).funding_is_past(time.time())]:
                try:
                    info = await self.get_funding_info(trading_pair)
                except (OSError, ProtocolError) as error:
                    self.logger().debug(f"No funding time of {trading_pair}: {error}")
                    continue
                update = FundingInfoUpdate(
                    trading_pair, rate=info.rate, next_funding_utc_timestamp=info.next_funding_utc_timestamp
                )
                self._message_queue[self._funding_info_messages_queue_key].put_nowait(update)

    # --- REST -------------------------------------------------------------------------------------------------------

    async def get_last_traded_prices(self, trading_pairs: list[str], domain: str | None = None) -> dict[str, float]:
        """The last price of each pair, from the exchange's statistics. Raises what ExtendedRest.market_stats raises."""
        prices = await asyncio.gather(*(self._last_price(trading_pair) for trading_pair in trading_pairs))
        return dict(zip(trading_pairs, prices, strict=True))

    async def _last_price(self, trading_pair: str) -> float:
        market = await self._connector.exchange_symbol_associated_to_pair(trading_pair=trading_pair)
        return float((await self._rest.market_stats(market)).last_price)

    async def get_new_order_book(self, trading_pair: str) -> OrderBook:
        """The pair's live OrderBook, once it holds the market; a REST picture of its own where no stream keeps one."""
        await asyncio.sleep(0)  # Hummingbot's own tracker starts the streams in the same turn in which it asks
        if trading_pair in self._tasks:
            return await self.wait_live(trading_pair)
        return await super().get_new_order_book(trading_pair)

    async def _order_book_snapshot(self, trading_pair: str) -> OrderBookMessage:
        market = await self._connector.exchange_symbol_associated_to_pair(trading_pair=trading_pair)
        book = await self._rest.order_book(market)
        return queue_messages.rest_snapshot(book, trading_pair, self._next_update_id(), self._time())

    # --- Hummingbot's queues: for who feeds `_message_queue` with the exchange's frames -----------------------------

    def _channel_originating_message(self, event_message: Mapping[str, Any]) -> str:
        return {
            queue_messages.Channel.SNAPSHOT: self._snapshot_messages_queue_key,
            queue_messages.Channel.DIFF: self._diff_messages_queue_key,
            queue_messages.Channel.TRADES: self._trade_messages_queue_key,
            queue_messages.Channel.FUNDING: self._funding_info_messages_queue_key,
        }.get(queue_messages.channel(event_message), "")

    async def _parse_order_book_snapshot_message(
        self, raw_message: Mapping[str, Any], message_queue: asyncio.Queue[OrderBookMessage]
    ) -> None:
        await self._parse_book_message(raw_message, message_queue)

    async def _parse_order_book_diff_message(
        self, raw_message: Mapping[str, Any], message_queue: asyncio.Queue[OrderBookMessage]
    ) -> None:
        await self._parse_book_message(raw_message, message_queue)

    async def _parse_book_message(
        self, raw_message: Mapping[str, Any], message_queue: asyncio.Queue[OrderBookMessage]
    ) -> None:
        frame = queue_messages.book(raw_message)
        trading_pair = await self._pair(frame.market)
        message_queue.put_nowait(queue_messages.book_message(frame, trading_pair, self._next_update_id()))

    async def _parse_trade_message(
        self, raw_message: Mapping[str, Any], message_queue: asyncio.Queue[OrderBookMessage]
    ) -> None:
        for trade in queue_messages.trades(raw_message).trades:
            message_queue.put_nowait(queue_messages.trade_message(trade, await self._pair(trade.market)))

    # --- small things -----------------------------------------------------------------------------------------------

    async def _pair(self, market: str) -> str:
        """The trading pair of the exchange's symbol. Raises KeyError for one that the exchange does not list."""
        known = self._pairs.get(market)
        return known or await self._connector.trading_pair_associated_to_exchange_symbol(symbol=market)

    def _book(self, trading_pair: str) -> OrderBook:
        if trading_pair not in self._books:
            self._books[trading_pair] = self.order_book_create_function()
        return self._books[trading_pair]

    def _live_event(self, trading_pair: str) -> asyncio.Event:
        return self._live.setdefault(trading_pair, asyncio.Event())

    def _prices_of(self, trading_pair: str) -> MarketPrices:
        if trading_pair not in self._prices:
            self._prices[trading_pair] = MarketPrices(trading_pair)
        return self._prices[trading_pair]

    def _next_update_id(self) -> int:
        self._update_id += 1
        return self._update_id


def _market_of(frame: PriceNews) -> str:
    return frame.funding.market if isinstance(frame, FundingFrame) else frame.price.market


def _news_key(event: Any) -> tuple[str, str | None]:
    """What conflates: the rate, the mark price or the index price of one market."""
    if isinstance(event, FundingInfoUpdate):
        return event.trading_pair, None
    frame = queue_messages.price_news(event) if isinstance(event, Mapping) else event
    return _market_of(frame), frame.kind or "rate"
