"""A hub whose rows the test gives by hand: the faces are tried over real sockets, at moments that a test chooses."""

import time
from collections.abc import AsyncIterator, Callable, Collection
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from hummingbot_extended.candles.candle import Candle
from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe, timeframe
from hummingbot_extended.errors import SettingsError, StreamClosed
from hummingbot_extended.hub.events import DepthRow, Level, PriceRow, QuoteRow, Row, StatusRow, TradeRow
from hummingbot_extended.hub.interface import (
    CandlesAnswer,
    HubStatus,
    NoSuchStream,
    NotRunning,
    SeriesStatus,
    UnknownMarket,
    WarmingUp,
)
from hummingbot_extended.hub.kinds import Kind

MARKETS = ("BTC-USD", "ETH-USD", "SOL-USD")
T0_MS = 1_795_219_200_000


class HandFedHub:
    """Implements `interface.MarketDataHub`; `give` hands a row to whoever listens."""

    def __init__(self, markets: tuple[str, ...] = MARKETS) -> None:
        self.names = markets
        self.running = True
        self.listeners: list[_Listening] = []
        self.known: dict[tuple[Kind, str, str | None], Row] = {}
        self.books: dict[str, DepthRow] = {}
        self.series: dict[tuple[str, str], list[Candle]] = {}
        self.versions: dict[tuple[str, str], int] = {}
        self.alerts: dict[str, tuple[dict[str, Any], Callable[[Row], None]]] = {}
        self.past: list[Row] | None = None
        self.asked_for_candles = 0
        self.relays: list[HandFedRelay] = []
        self.failure: Exception | None = None

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    def resolve(self, symbol: str) -> str:
        self._check()
        plain = symbol.upper().replace("/", "-")
        for name in self.names:
            if plain in (name, name.replace("-", "")):
                return name
        raise UnknownMarket("this market is not known")

    @property
    def markets(self) -> tuple[Any, ...]:
        self._check()
        trading = SimpleNamespace(min_price_change=Decimal("0.1"))
        return tuple(SimpleNamespace(name=name, trading_config=trading, status="ACTIVE") for name in self.names)

    def listen(
        self,
        kinds: Collection[Kind],
        symbols: Collection[str],
        sink: Callable[[Row], None],
        *,
        timeframe: Timeframe | None = None,
        snapshot: bool = False,
    ) -> "_Listening":
        self._check()
        listening = _Listening(self, frozenset(kinds), frozenset(symbols), timeframe, sink)
        self.listeners.append(listening)
        if snapshot:
            for (kind, market, frame), row in list(self.known.items()):
                if listening.wants(kind, market, frame):
                    sink(row)
        return listening

    def give(self, *rows: Row) -> None:
        for row in rows:
            frame = row.frame.name if row.kind is Kind.OHLCV else None  # type: ignore[attr-defined]
            if row.kind is not Kind.TRADES:
                self.known[row.kind, row.market, frame] = row
            if isinstance(row, DepthRow):
                self._change_book(row)
            for listening in list(self.listeners):
                if listening.wants(row.kind, row.market, frame):
                    listening.sink(row)

    def _change_book(self, row: DepthRow) -> None:
        old = self.books.get(row.market)
        if row.is_snapshot or old is None:
            self.books[row.market] = row
            return
        sides = []
        for before, change, sign in ((old.bids, row.bids, -1), (old.asks, row.asks, 1)):
            sizes = {level.price: level.size for level in before} | {level.price: level.size for level in change}
            levels = [Level(price, size, size) for price, size in sizes.items() if size > 0]
            sides.append(tuple(sorted(levels, key=lambda level: sign * level.price)))
        self.books[row.market] = depth(row.market, row.seq, sides[0], sides[1], ts_ms=row.ts_ms)

    def latest(self, kind: Kind, symbol: str, frame: Timeframe | None = None) -> Row | None:
        return self.known.get((kind, symbol, frame and frame.name))

    def book(self, symbol: str, levels: int | None = None) -> DepthRow | None:
        book = self.books.get(symbol)
        if book is None or levels is None:
            return book
        return depth(symbol, book.seq, book.bids[:levels], book.asks[:levels], ts_ms=book.ts_ms)

    def add_candles(self, market: str, frame: str, *candles: Candle) -> None:
        """Set a series, newest first."""
        self.series[market, frame] = list(candles)
        self.versions[market, frame] = self.versions.get((market, frame), 0) + 1

    async def candles(
        self, symbol: str, timeframe: str, *, limit: int = 50, since_ms: int | None = None
    ) -> CandlesAnswer:
        return self.candles_now(symbol, timeframe, limit=limit, since_ms=since_ms)

    def candles_now(self, symbol: str, name: str, *, limit: int = 50, since_ms: int | None = None) -> CandlesAnswer:
        self._check()
        self.asked_for_candles += 1
        frame = timeframe(name)
        series = self.series.get((symbol, frame.name))
        if not series:
            raise WarmingUp("no candles yet")
        found = [candle for candle in series if since_ms is None or candle.open_time_ms >= since_ms][:limit]
        return CandlesAnswer(symbol, frame, tuple(found), self.versions[symbol, frame.name])

    def version(self, market: str, frame: Timeframe) -> int:
        return self.versions.get((market, frame.name), 0)

    def relay(self, path: str) -> "HandFedRelay":
        self._check()
        if not path.startswith(("/orderbooks", "/publicTrades")):
            raise NoSuchStream(path)
        relay = HandFedRelay()
        self.relays.append(relay)
        return relay

    async def replay(
        self, kinds: Collection[Kind], symbols: Collection[str], *, from_ms: int, to_ms: int
    ) -> AsyncIterator[Row]:
        if self.past is None:
            raise SettingsError("nothing is kept")
        for row in self.past:
            if row.kind in kinds and row.market in symbols and from_ms <= row.ts_ms <= to_ms:
                yield row

    def set_alert(self, alert: dict[str, Any], sink: Callable[[Row], None]) -> str:
        if alert.get("kind") != "cross_above" or "price" not in alert or self.resolve(str(alert.get("symbol"))) is None:
            raise SettingsError("no such alert")
        alert_id = f"alert-{len(self.alerts) + 1}"
        self.alerts[alert_id] = alert, sink
        return alert_id

    def remove_alert(self, alert_id: str) -> bool:
        return self.alerts.pop(alert_id, None) is not None

    def status(self) -> HubStatus:
        if self.failure is not None:
            raise self.failure
        series: dict[str, dict[str, SeriesStatus]] = {}
        for (market, name), candles in self.series.items():
            newest = candles[0].open_time_ms if candles else None
            age_s = None if newest is None else max(0.0, time.time() - newest / 1000)
            series.setdefault(market, {})[name] = SeriesStatus(len(candles), 500, newest, age_s, 0)
        return HubStatus(
            running=self.running,
            role="all",
            uptime_s=12.5,
            markets=self.names,
            timeframes=tuple(frame.name for frame in TIMEFRAMES),
            candles_buffered=sum(len(candles) for candles in self.series.values()),
            last_update_ms=T0_MS,
            memory_mb=50.0,
            store_mb=1.0,
            errors=0,
            channels=(),
            series=series,
            bus="memory://",
            bus_state="live",
            counters={"gaps": 2},
        )

    def available(self) -> dict[str, list[str]]:
        available: dict[str, list[str]] = {}
        for market, name in self.series:
            available.setdefault(market, []).append(name)
        return available

    def _check(self) -> None:
        if not self.running:
            raise NotRunning("the hub is not running")


class _Listening:
    def __init__(
        self,
        hub: HandFedHub,
        kinds: frozenset[Kind],
        symbols: frozenset[str],
        frame: Timeframe | None,
        sink: Callable[[Row], None],
    ) -> None:
        self.hub, self.kinds, self.symbols, self.frame, self.sink = hub, kinds, symbols, frame, sink

    def wants(self, kind: Kind, market: str, frame: str | None) -> bool:
        right_frame = frame is None or frame == (self.frame or TIMEFRAMES[0]).name
        return kind in self.kinds and bool(self.symbols & {market, "*"}) and right_frame

    async def close(self) -> None:
        if self in self.hub.listeners:
            self.hub.listeners.remove(self)


class HandFedRelay:
    """A feed whose frames the test gives."""

    def __init__(self) -> None:
        import asyncio

        self.queue: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.is_closed = False

    async def receive(self) -> bytes:
        item = await self.queue.get()
        if isinstance(item, Exception):
            raise item
        return item

    def receive_nowait(self) -> bytes | None:
        if self.queue.empty() or isinstance(self.queue._queue[0], Exception):  # type: ignore[attr-defined]
            return None
        item = self.queue.get_nowait()
        assert isinstance(item, bytes)
        return item

    def end(self, code: int) -> None:
        self.queue.put_nowait(StreamClosed(code, "ended"))

    async def close(self) -> None:
        self.is_closed = True


# --- rows -----------------------------------------------------------------------------------------------------------


def price(market: str = "BTC-USD", value: str = "84078", *, ts_ms: int = T0_MS) -> PriceRow:
    return PriceRow(
        market=market, ts_ms=ts_ms, provider="by hand", received_ms=ts_ms + 5, price=Decimal(value),
        change=Decimal("-12.5"), change_percent=Decimal("-0.01"), volume=Decimal("1234.56789"), confidence=0.98,
    )  # fmt: skip


def quote(market: str = "BTC-USD", bid: str = "84077", ask: str = "84078.5") -> QuoteRow:
    one = Decimal(1)
    return QuoteRow(market=market, ts_ms=T0_MS, bid=Decimal(bid), bid_size=one, ask=Decimal(ask), ask_size=one)


def trade(trade_id: int, market: str = "BTC-USD", value: str = "84078") -> TradeRow:
    return TradeRow(
        market=market,
        ts_ms=T0_MS + trade_id,
        trade_id=trade_id,
        price=Decimal(value),
        size=Decimal("0.0123"),
        side="buy",
    )


def level(value: str, size: str) -> Level:
    return Level(Decimal(value), Decimal(size), Decimal(size))


def depth(
    market: str,
    seq: int,
    bids: tuple[Level, ...],
    asks: tuple[Level, ...],
    *,
    snapshot: bool = True,
    ts_ms: int = T0_MS,
) -> DepthRow:
    return DepthRow(market=market, ts_ms=ts_ms, seq=seq, prev_seq=seq - 1, is_snapshot=snapshot, bids=bids, asks=asks)


def status(market: str = "BTC-USD", state: str = "stale", feed: str = "trades") -> StatusRow:
    return StatusRow(market=market, ts_ms=T0_MS, feed=feed, state=state, since_ms=T0_MS)


def candle(open_s: int, close: str = "84077", *, closed: bool = True) -> Candle:
    return Candle(
        open_time_ms=open_s * 1000, open=Decimal("84000"), high=Decimal("84100"), low=Decimal("83990.123456789"),
        close=Decimal(close), volume=Decimal("12.345"), closed=closed, provider="by hand", spread=Decimal("1.5"),
    )  # fmt: skip
