"""What a hub offers to its faces and to programs that hold one; `service.Hub` is it. Nothing here is a web matter."""

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from hummingbot_extended.candles.aggregate import Candle
from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.errors import ExtendedError, NotFound, SettingsError
from hummingbot_extended.exchange.models import Market
from hummingbot_extended.hub.events import DepthRow, Row
from hummingbot_extended.hub.kinds import Kind
from hummingbot_extended.streams.inbox import Policy


class UnknownMarket(SettingsError):
    """Raised for a symbol that the exchange does not have."""


class WarmingUp(ExtendedError):
    """Raised where candles are kept but none is here yet: ask again in `retry_after_s`."""

    retry_after_s = 1.0


class NotRunning(ExtendedError):
    """Raised by a hub that is not started, or stopped."""


class NoSuchStream(NotFound):
    """Raised for a relay path that is none of the exchange's public streams."""

    def __init__(self, path: str) -> None:
        super().__init__(404, None, f"there is no stream {path}")


@dataclass(frozen=True, slots=True)
class CandlesAnswer:
    """Candles of a market, newest first; the first is forming where it is not `closed`.

    `version` grows with each change of the series (a tag for caches: equal version, limit and since, equal bytes).
    """

    market: str
    frame: Timeframe
    candles: tuple[Candle, ...]
    version: int


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source of a channel: `state` is "live", "connecting", "stale", "down", "cooling" or "idle".

    `score` (0 to 100) is measured; `confidence` (0 to 1) is the score, lowered where other sources' prices disagree.
    """

    name: str
    state: str
    score: float
    confidence: float
    age_s: float | None
    latency_p95_ms: float | None
    errors: int
    gaps: int


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One upstream feed of one market: `state` is "live", "stale" or "down"; `active` the source it is read from."""

    market: str
    feed: str
    timeframe: str | None
    state: str
    since_ms: int
    active: str | None
    readers: int
    switches: int
    sources: tuple[SourceStatus, ...]


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """The candles of a market and timeframe that are in memory. `gaps` are bars that are missing."""

    count: int
    max_size: int
    newest_ms: int | None
    age_s: float | None
    gaps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStatus:
    """What is true of a hub now. `errors` counts what was logged as a warning or worse since the start.

    `domain` names the exchange that is read, as connectors do.
    """

    running: bool
    role: str
    uptime_s: float
    markets: tuple[str, ...]
    timeframes: tuple[str, ...]
    candles_buffered: int
    last_update_ms: int | None
    memory_mb: float
    store_mb: float
    errors: int
    channels: tuple[ChannelStatus, ...]
    series: dict[str, dict[str, SeriesStatus]]
    bus: str
    bus_state: str
    domain: str = ""
    counters: dict[str, int] = field(default_factory=dict)


class Subscription(Protocol):
    """Rows for one reader, in a bounded inbox of its own. `async for` ends when it is closed."""

    @property
    def dropped(self) -> int:
        """Rows that were lost because the reader was slow (policy drop_oldest)."""
        ...

    @property
    def is_active(self) -> bool:
        """Whether rows may still come."""
        ...

    def take(self) -> list[Row]:
        """Return and forget everything that waits, oldest first; empty where nothing does. Never waits."""
        ...

    async def wait(self) -> None:
        """Return once something waits, or the subscription is closed."""
        ...

    async def close(self) -> None:
        """Give it up: upstreams that nobody else reads linger and close. Safe to repeat."""
        ...

    def __aiter__(self) -> AsyncIterator[Row]:
        """Iterate over the rows as they come."""
        ...

    async def __aenter__(self) -> Self:
        """Return itself."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        ...


class Listening(Protocol):
    """A plain listener's hold on its upstreams."""

    async def close(self) -> None:
        """Hear no more. Safe to repeat."""
        ...


class RelayFeed(Protocol):
    """Frames of one of the exchange's streams, for one reader: a gap-free `seq` of its own, from 1.

    A book begins with a SNAPSHOT made from the hub's book; trades begin with the recent ones, as the exchange's do.
    """

    async def receive(self) -> bytes:
        """Return the next frame's JSON.

        Raises StreamClosed (1008) when the reader was too slow to be served, (1001) when the hub stops.
        """
        ...

    def receive_nowait(self) -> bytes | None:
        """Return a frame that waits, or None."""
        ...

    async def close(self) -> None:
        """Give it up. Safe to repeat."""
        ...


class MarketDataHub(Protocol):
    """A hub. Its methods raise NotRunning outside `start` … `stop`, but for `status` and `available`."""

    async def start(self) -> None:
        """Learn the markets, load the kept candles, open what is always on. Raises what stops it from starting."""
        ...

    async def stop(self) -> None:
        """Close every upstream and reader, write what waits for the store. Safe to repeat."""
        ...

    def resolve(self, symbol: str) -> str:
        """Return the market's name for BTC-USD, btc-usd, BTC/USD or BTCUSD. Raises UnknownMarket."""
        ...

    @property
    def markets(self) -> tuple[Market, ...]:
        """The markets of the exchange, as last asked."""
        ...

    def listen(
        self,
        kinds: Collection[Kind],
        symbols: Collection[str],
        sink: Callable[[Row], None],
        *,
        timeframe: Timeframe | None = None,
        snapshot: bool = False,
    ) -> Listening:
        """Have `sink` called with every row of these kinds and symbols, at once, in order, on the loop.

        `sink` must be quick and must not raise. OHLCV is for `timeframe` (M1 by default). Upstreams open by need; with
        `snapshot` what is known now is given before this returns (the book always begins with a snapshot anyway).
        `symbols` may be ("*",) for NEWS and STATUS of all. Raises UnknownMarket and SettingsError.
        """
        ...

    def subscribe(
        self,
        kinds: Collection[Kind],
        symbols: Collection[str],
        *,
        timeframe: Timeframe | None = None,
        snapshot: bool = False,
        policy: Policy = "drop_oldest",
        limit: int = 1_000,
    ) -> Subscription:
        """As `listen`, into an inbox of `limit` rows: drop_oldest (a ring, counted), conflate (newest a market and
        kind), or error (the subscription ends)."""
        ...

    def latest(self, kind: Kind, symbol: str, frame: Timeframe | None = None) -> Row | None:
        """Return the last row of a kind, None where there was none. For DEPTH the whole book as a snapshot."""
        ...

    def book(self, symbol: str, levels: int | None = None) -> DepthRow | None:
        """Return the book now as a snapshot row with at most `levels` a side; None where there is none."""
        ...

    async def candles(
        self, symbol: str, timeframe: str, *, limit: int = 50, since_ms: int | None = None
    ) -> CandlesAnswer:
        """Return the newest candles. `since_ms` leaves out those that opened before it.

        A market whose candles are not kept yet is loaded first, and kept from then on while it is asked for.
        Raises UnknownMarket, SettingsError (no such timeframe) and WarmingUp.
        """
        ...

    def candles_now(
        self, symbol: str, timeframe: str, *, limit: int = 50, since_ms: int | None = None
    ) -> CandlesAnswer:
        """As `candles`, of what is in memory, without waiting. Raises WarmingUp where nothing is."""
        ...

    def version(self, market: str, frame: Timeframe) -> int:
        """Return the version of a series, 0 where there is none: cheaper than `candles_now`."""
        ...

    def relay(self, path: str) -> RelayFeed:
        """Open a public stream by the exchange's path and query.

        Such as "/orderbooks/BTC-USD?depth=1", "/publicTrades", "/funding/BTC-USD", "/prices/mark/BTC-USD" and
        "/candles/BTC-USD/trades?interval=PT1M". Raises NoSuchStream and UnknownMarket.
        """
        ...

    def replay(
        self, kinds: Collection[Kind], symbols: Collection[str], *, from_ms: int, to_ms: int
    ) -> AsyncIterator[Row]:
        """Iterate over the rows of the past, in order, as fast as they are read: from the journal, or from a bus that
        keeps it. Raises SettingsError where neither is there."""
        ...

    def set_alert(self, alert: dict[str, Any], sink: Callable[[Row], None]) -> str:
        """Set an alert (see `alerts.py` for its fields) and return its id. Raises SettingsError."""
        ...

    def remove_alert(self, alert_id: str) -> bool:
        """Remove an alert; False where there was none."""
        ...

    def status(self) -> HubStatus:
        """Return what is true now."""
        ...

    def available(self) -> dict[str, list[str]]:
        """Return the timeframes ("M1" …) of each market whose candles are kept."""
        ...
