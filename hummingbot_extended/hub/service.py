"""The hub: sources below, listeners above, one state a market in between."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any, Self

from hummingbot_extended.candles.aggregate import Change
from hummingbot_extended.candles.loader import register_in_process_loader, unregister_in_process_loader
from hummingbot_extended.candles.store import CandleStore
from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe
from hummingbot_extended.errors import ExtendedError, SettingsError, StreamClosed
from hummingbot_extended.exchange.channels import CandleFrame
from hummingbot_extended.exchange.models import Market
from hummingbot_extended.hub.alerts import Alert, parse_alert
from hummingbot_extended.hub.arbiter import Switch
from hummingbot_extended.hub.assembly import Parts, make_parts
from hummingbot_extended.hub.bus.base import Bus
from hummingbot_extended.hub.bus.past import replay_bus
from hummingbot_extended.hub.bus.publisher import Publisher
from hummingbot_extended.hub.bus.topics import KINDS
from hummingbot_extended.hub.channel_reader import ChannelReader, Clocks
from hummingbot_extended.hub.events import BarRow, DepthRow, QuoteRow, Row, StatsRow, StatusRow, TradeRow
from hummingbot_extended.hub.in_process_loader import InProcessLoader
from hummingbot_extended.hub.interface import CandlesAnswer, HubStatus, NotRunning
from hummingbot_extended.hub.journal import record, replay
from hummingbot_extended.hub.keepers import Keepers
from hummingbot_extended.hub.kinds import Channel, Feed, Kind
from hummingbot_extended.hub.listening import TopicListening
from hummingbot_extended.hub.market_list import MarketList
from hummingbot_extended.hub.prices import Prices
from hummingbot_extended.hub.readers import Readers
from hummingbot_extended.hub.relay import GOING_AWAY, RelayReader, parse_path
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.hub.status import kinds_of, make_status
from hummingbot_extended.hub.subscription import RowSubscription
from hummingbot_extended.hub.topics import ALL, RowSink, Topic, Topics
from hummingbot_extended.streams.inbox import Policy

logger = logging.getLogger(__name__)

TICK_S = 1.0


class Hub:
    """A market-data hub; see `interface.MarketDataHub` for its contract. `async with Hub(settings)` runs it.

    Without `parts` it makes its own from the settings, and closes them.
    """

    def __init__(self, settings: HubSettings, *, parts: Parts | None = None, clocks: Clocks | None = None) -> None:
        self.settings = settings
        self.topics = Topics()
        self._given = parts
        self._clocks = clocks or Clocks()
        self._markets = MarketList()
        self._prices = Prices()
        self._alerts: dict[str, TopicListening] = {}
        self._ends: set[RowSubscription | RelayReader] = set()
        self._store: CandleStore | None = None
        self._stack = AsyncExitStack()
        self._running: asyncio.Task[None] | None = None
        self._started_s = monotonic()
        self.counters = {"switches": 0, "warnings": 0}

    def __repr__(self) -> str:
        return f"<Hub {self.settings.role} {'running' if self.is_running else 'stopped'}, {self.topics!r}>"

    @property
    def _bus(self) -> Bus | None:
        return self._parts.bus if self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether the hub is between `start` and `stop`."""
        return self._running is not None and not self._running.done()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- life -------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """See MarketDataHub."""
        if self.is_running:
            return
        async with AsyncExitStack() as stack:
            parts = self._given or await make_parts(self.settings, stack)
            self._parts = parts
            await self._markets.ask(parts.rest, self._clocks.now_ms())
            await self._open_store(stack)
            self._readers = Readers(
                parts.sources,
                self.settings,
                publish=self._publish,
                on_candles=self._on_candles,
                on_switch=self._on_switch,
                on_closed=self._on_closed,
                clocks=self._clocks,
            )
            stack.push_async_callback(self._close_sources)
            stack.push_async_callback(self._readers.close)
            self._keepers = Keepers(
                self.settings, self._readers, parts.history, self._on_changes, self._clocks, self._store
            )
            stack.push_async_callback(self._keepers.close)
            for symbol in self.settings.markets:
                self._keepers.acquire(self.resolve(symbol))
                self._pin(self.resolve(symbol))
            loader = InProcessLoader(self._keepers)
            register_in_process_loader(loader, self.settings.domain)
            stack.callback(unregister_in_process_loader, loader, self.settings.domain)
            self._running = asyncio.create_task(self._live(), name="hub")
            self._started_s = monotonic()
            self._stack = stack.pop_all()

    def _pin(self, market: str) -> None:
        """Read all of a market for ever, where its rows are kept for replay."""
        if self.settings.journal:
            for feed in Feed:
                channel = Channel(feed, market)
                if feed is not Feed.CANDLES and self._readers.offers(channel):
                    self._readers.acquire(channel)

    async def _open_store(self, stack: AsyncExitStack) -> None:
        settings = self.settings
        if settings.store is not None:
            self._store = await stack.enter_async_context(
                CandleStore(settings.store, retention_days=settings.retention_days, max_mb=settings.max_store_mb)
            )

    async def stop(self) -> None:
        """See MarketDataHub."""
        running, self._running = self._running, None
        if running is None:
            return
        running.cancel()
        await asyncio.wait([running])
        for reader in tuple(self._ends):
            if isinstance(reader, RelayReader):
                reader.end(StreamClosed(GOING_AWAY, "the hub stops"))
            else:
                reader.end()
        self._ends.clear()
        self._alerts.clear()
        await self._stack.aclose()
        if not running.cancelled():
            running.result()

    async def run(self) -> None:
        """Wait until the hub stops. Raises what it died of, which is a fault of ours."""
        if self._running is None:
            raise NotRunning("the hub is not running")
        await asyncio.wait([self._running])
        if not self._running.cancelled():
            self._running.result()

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            group.create_task(self._ask_for_news())
            if self._parts.bus is not None and self.settings.role in ("all", "ingest"):
                name = self.settings.name or f"{socket.gethostname()}-{os.getpid()}"
                pinned = tuple(self.resolve(symbol) for symbol in self.settings.markets)
                publisher = Publisher(self._parts.bus, self, self.settings.domain, name, pinned)
                group.create_task(publisher.run())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self._keepers.tick()
            await self._readers.tick()

    async def _ask_for_news(self) -> None:
        while True:
            await asyncio.sleep(self.settings.news_every_s)
            try:
                news = await self._markets.ask(self._parts.rest, self._clocks.now_ms())
            except ExtendedError as error:
                self.counters["warnings"] += 1
                logger.warning("the markets could not be asked for: %s", error)
                continue
            for row in news:
                self._publish(row)

    async def _close_sources(self) -> None:
        for source in self._parts.sources:
            await source.close()

    # --- rows -------------------------------------------------------------------------------------------------------
    def _publish(self, row: Row) -> None:
        self.topics.publish(row)
        self._keep(row)
        match row:
            case TradeRow():
                self.topics.publish(self._prices.row(row, self._readers))
                if (keeper := self._keepers.find(row.market)) and self._keepers.feed_of(row.market).frame is None:
                    keeper.trade(row)
            case StatsRow():
                self.topics.publish(self._prices.row(row, self._readers))
            case StatusRow():
                self._mark(row)
            case QuoteRow():
                if (keeper := self._keepers.find(row.market)) is not None:
                    keeper.quote(row.spread)

    def _mark(self, status: StatusRow) -> None:
        """Mark the last values of a feed that went, or that is back. Trades and changes of a book are events."""
        for kind in self._kinds_of(Feed(status.feed), status.market):
            if kind not in (Kind.TRADES, Kind.DEPTH):
                self.topics.mark(status.market, kind, is_stale=status.state != "live")

    def _kinds_of(self, feed: Feed, market: str) -> list[Kind]:
        return kinds_of(feed, makes_candles=feed is self._keepers.feed_of(market).feed)

    def _keep(self, row: Row) -> None:
        """Have the store keep a row: candles as they are, and everything for replay where that is wanted."""
        if self._store is None:
            return
        if isinstance(row, BarRow) and row.candle.closed:
            self._store.put(row.market, row.frame, row.candle)
        if self.settings.journal and (kept := record(row)) is not None:
            self._store.add_event(*kept)

    def _on_candles(self, market: str, frame: CandleFrame, provider: str) -> None:
        if (keeper := self._keepers.find(market)) is not None:
            keeper.take(frame, provider)

    def _on_changes(self, market: str, changes: list[Change]) -> None:
        now_ms = self._clocks.now_ms()
        for frame, candle in changes:
            row = BarRow(
                market=market, ts_ms=now_ms, received_ms=now_ms, provider=candle.provider, frame=frame, candle=candle
            )
            self.topics.publish(row)
            self._keep(row)

    def _on_switch(self, reader: ChannelReader, switch: Switch) -> None:
        self.counters["switches"] += switch.before is not None
        market = reader.channel.market
        if (keeper := self._keepers.find(market)) and self._keepers.feed_of(market) == reader.channel:
            keeper.lost()
            if switch.after is not None:
                keeper.resumed()

    def _on_closed(self, channel: Channel) -> None:
        """Nobody keeps a channel's last values up to date any more."""
        for kind in self._kinds_of(channel.feed, channel.market):
            self.topics.forget(channel.market, kind)
        if channel.feed is Feed.TRADES:
            self._prices.forget(channel.market)

    # --- listening --------------------------------------------------------------------------------------------------
    def listen(
        self,
        kinds: Collection[Kind],
        symbols: Collection[str],
        sink: RowSink,
        *,
        timeframe: Timeframe | None = None,
        snapshot: bool = False,
    ) -> TopicListening:
        """See MarketDataHub."""
        self._check_running()
        frame = timeframe or TIMEFRAMES[0]
        markets = list(dict.fromkeys(ALL if symbol == ALL else self.resolve(symbol) for symbol in symbols))
        listening = TopicListening(sink, self.topics, self._readers, self._keepers)
        try:
            for kind in dict.fromkeys(Kind(kind) for kind in kinds):
                for market in markets:
                    listening.add(Topic(kind, market, frame if kind is Kind.OHLCV else None))
        except BaseException:
            listening.end()
            raise
        for topic in listening.topics:
            self._give_present(topic, sink, all_of_it=snapshot)
        return listening

    def subscribe(
        self,
        kinds: Collection[Kind],
        symbols: Collection[str],
        *,
        timeframe: Timeframe | None = None,
        snapshot: bool = False,
        policy: Policy = "drop_oldest",
        limit: int = 1_000,
    ) -> RowSubscription:
        """See MarketDataHub."""
        if policy == "block":
            raise SettingsError("a hub waits for no reader: the policy is drop_oldest, conflate or error")
        subscription = RowSubscription(policy, limit)
        listening = self.listen(kinds, symbols, subscription.give, timeframe=timeframe, snapshot=snapshot)
        subscription.bind(listening)
        self._ends.add(subscription)
        listening.on_end = lambda: self._ends.discard(subscription)
        return subscription

    def relay(self, path: str) -> RelayReader:
        """See MarketDataHub."""
        kind, symbol, frame = parse_path(path)
        relay = RelayReader()
        symbols = self._markets.tradable if symbol == ALL else [symbol]
        listening = self.listen([kind], symbols, relay.give, timeframe=frame, snapshot=True)
        relay.bind(listening, self._ends.discard)
        self._ends.add(relay)
        return relay

    def listen_channel(self, channel: Channel, sink: RowSink) -> Callable[[], None]:
        """See `bus.publisher.Reading`."""
        return self.listen([KINDS[channel.feed]], [channel.market], sink, timeframe=channel.frame).end

    def present(self, channel: Channel) -> list[Row]:
        """See `bus.publisher.Reading`."""
        rows: list[Row] = []
        topic = Topic(KINDS[channel.feed], self.resolve(channel.market), channel.frame)
        self._give_present(topic, rows.append, all_of_it=True)
        return rows

    def _give_present(self, topic: Topic, sink: RowSink, *, all_of_it: bool) -> None:
        """Give a newcomer what is known: a book always, the rest where it asks for it."""
        if topic.kind is Kind.DEPTH:
            row: Row | None = self.book(topic.market)
            if row is not None:
                sink(row)
        elif all_of_it and topic.kind is Kind.TRADES:
            reader = self._readers.find(Channel(Feed.TRADES, topic.market))
            for trade in tuple(reader.trades.recent) if reader else ():
                sink(trade)
        elif all_of_it and topic.market != ALL:
            row = self.latest(topic.kind, topic.market, topic.frame)
            if row is not None:
                sink(row)

    # --- what is known ----------------------------------------------------------------------------------------------
    @property
    def markets(self) -> tuple[Market, ...]:
        """See MarketDataHub."""
        return self._markets.all

    def resolve(self, symbol: str) -> str:
        """See MarketDataHub."""
        return self._markets.resolve(symbol)

    def latest(self, kind: Kind, symbol: str, frame: Timeframe | None = None) -> Row | None:
        """See MarketDataHub. A value whose feed is not live any more is marked stale."""
        self._check_running()
        market = self.resolve(symbol)
        if kind is Kind.DEPTH:
            return self.book(market)
        return self.topics.last(Topic(kind, market, (frame or TIMEFRAMES[0]) if kind is Kind.OHLCV else None))

    def book(self, symbol: str, levels: int | None = None) -> DepthRow | None:
        """See MarketDataHub."""
        self._check_running()
        reader = self._readers.find(Channel(Feed.BOOK, self.resolve(symbol)))
        return reader.book_now(levels) if reader else None

    async def candles(
        self, symbol: str, timeframe: str, *, limit: int = 50, since_ms: int | None = None
    ) -> CandlesAnswer:
        """See MarketDataHub."""
        self._check_running()
        market, frame = self.resolve(symbol), self.settings.frame(timeframe)
        await self._keepers.load(market)
        return self._keepers.newest(market, frame, limit, since_ms)

    def candles_now(
        self, symbol: str, timeframe: str, *, limit: int = 50, since_ms: int | None = None
    ) -> CandlesAnswer:
        """See MarketDataHub."""
        self._check_running()
        return self._keepers.newest(self.resolve(symbol), self.settings.frame(timeframe), limit, since_ms)

    def version(self, market: str, frame: Timeframe) -> int:
        """See MarketDataHub."""
        series = self._keepers.series(market, frame) if self.is_running else None
        return series.version if series else 0

    def available(self) -> dict[str, list[str]]:
        """See MarketDataHub."""
        names = [frame.name for frame in self.settings.frames]
        return dict.fromkeys(self._keepers.all() if self.is_running else (), names)

    def status(self) -> HubStatus:
        """See MarketDataHub."""
        readers, keepers = (self._readers, self._keepers) if self.is_running else (None, None)
        return make_status(
            self.settings,
            readers,
            keepers,
            uptime_s=monotonic() - self._started_s,
            now_ms=self._clocks.now_ms(),
            counters=self.counters | {"rows": self.topics.published},
            bus_state="in process" if self._bus is None else "up" if self._bus.is_up else "down",
            store_mb=self._store.size_mb if self._store else 0.0,
        )

    def replay(
        self, kinds: Collection[Kind], symbols: Collection[str], *, from_ms: int, to_ms: int
    ) -> AsyncIterator[Row]:
        """See MarketDataHub. Bars are those of the shortest timeframe that is served, of a journal only."""
        self._check_running()
        markets = [self.resolve(symbol) for symbol in symbols]
        if self._store is not None and self.settings.journal:
            return replay(self._store, kinds, markets, self.settings.frames[0], from_ms=from_ms, to_ms=to_ms)
        if self._parts.bus is not None:
            return replay_bus(self._parts.bus, self.settings.domain, kinds, markets, from_ms=from_ms, to_ms=to_ms)
        raise SettingsError("this hub keeps no journal to replay")

    # --- alerts -----------------------------------------------------------------------------------------------------
    def set_alert(self, alert: Mapping[str, Any], sink: RowSink) -> str:
        """See MarketDataHub."""
        self._check_running()
        made = parse_alert(alert, self.resolve, sink)
        self._alerts[made.id] = self.listen([made.kind], [made.market], lambda row: self._look(made, row))
        return made.id

    def _look(self, alert: Alert, row: Row) -> None:
        if (fired := alert.look(row, self._clocks.now_ms())) is not None:
            self.topics.publish(fired)
            alert.sink(fired)

    def remove_alert(self, alert_id: str) -> bool:
        """See MarketDataHub."""
        listening = self._alerts.pop(alert_id, None)
        if listening is not None:
            listening.end()
        return listening is not None

    def _check_running(self) -> None:
        if not self.is_running:
            raise NotRunning("the hub is not running")
