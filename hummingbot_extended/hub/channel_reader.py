"""One channel of a hub: its sources, the one that is read, and what comes of it as rows."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic, time
from typing import Any

from hummingbot_extended.errors import ExtendedError, ProtocolError, RateLimited, SequenceGap
from hummingbot_extended.exchange.channels import CandleFrame, ExactBookFrame, TradesFrame
from hummingbot_extended.exchange.models import MarketStats
from hummingbot_extended.exchange.orderbook import BookState, OrderBook
from hummingbot_extended.hub.arbiter import HOLD_S, Arbiter, Switch
from hummingbot_extended.hub.events import DepthRow, Row, StatusRow
from hummingbot_extended.hub.interface import ChannelStatus, SourceStatus
from hummingbot_extended.hub.kinds import Channel, Feed, stale_after_s
from hummingbot_extended.hub.sources.base import Source, Upstream
from hummingbot_extended.hub.translate import LATEST, Depth, Trades, check_market, price_of, stats_row

logger = logging.getLogger(__name__)

# A source that has told nothing for so long gets company.
FIRST_DATA_S = 3.0
# The name of the bus among sources: where there is one, what else a hub could read is its reserve.
BUS = "bus"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks of a hub, both in seconds: epoch time and one that never jumps; and how to wait by them."""

    wall: Callable[[], float] = time
    steady: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def now_ms(self) -> int:
        """Return the epoch time in ms."""
        return int(self.wall() * 1000)


class ChannelReader:
    """Reads one channel from the best of its sources, as long as it is open; each source has one upstream at most.

    `publish` gets the rows, `on_candles` a frame of candles with its source's name, `on_switch` each change of source.
    The owner calls `tick` once a second, and `close` at the end.
    """

    def __init__(
        self,
        channel: Channel,
        sources: Sequence[Source],
        *,
        publish: Callable[[Row], None],
        on_candles: Callable[[CandleFrame, str], None],
        on_switch: Callable[["ChannelReader", Switch], None],
        hot_sources: int = 1,
        linger_s: float = 30.0,
        clocks: Clocks | None = None,
    ) -> None:
        self.channel = channel
        self.readers = 0
        self.unread_since_s: float | None = None
        self.trades = Trades(channel.market)
        self._sources = {source.name: source for source in sources if source.offers(channel)}
        self._publish = publish
        self._on_candles = on_candles
        self._on_switch = on_switch
        self._hot_sources = hot_sources
        self._linger_s = linger_s
        self._clocks = clocks or Clocks()
        own = frozenset(self._sources) - {BUS} if BUS in self._sources else frozenset()
        self._arbiter = Arbiter(list(self._sources), stale_after_s(channel), reserve=own)
        self._open: dict[str, _Feeder] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._depth = Depth(channel.market)
        self._state = "connecting"
        self._since_ms = self._clocks.now_ms()

    def __repr__(self) -> str:
        return f"<ChannelReader {self.channel} {self._state} by {self._arbiter.active}, {self.readers} readers>"

    @property
    def state(self) -> str:
        """ "connecting", "live", "stale" or "down"."""
        return self._state

    @property
    def active(self) -> str | None:
        """The source that is read."""
        return self._arbiter.active

    @property
    def has_sources(self) -> bool:
        """Whether any source offers the channel."""
        return bool(self._sources)

    # --- life -------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Open the first sources."""
        for name in list(self._sources)[: self._hot_sources]:
            self._open_source(name)

    def tick(self) -> None:
        """Look whether the source is still the right one, and which others should be open."""
        self._decide()
        now_s, now_ms = self._clocks.steady(), self._clocks.now_ms()
        active = self._arbiter.records[self._arbiter.active] if self._arbiter.active else None
        if active is not None and active.is_usable(now_s, now_ms):
            self._close_surplus(active.name, now_s, now_ms)
        elif all(now_s - feeder.opened_s >= FIRST_DATA_S or feeder.has_failed for feeder in self._open.values()):
            self._open_next()
        self._look_at_state()

    async def close(self) -> None:
        """Close every upstream."""
        feeders = list(self._open.values())
        self._open.clear()
        for feeder in feeders:
            await feeder.close()
        while self._closing:
            await asyncio.wait(self._closing)

    def request_reconnect(self, reason: str) -> None:
        """Begin the active source anew."""
        if (feeder := self._open.get(self._arbiter.active or "")) is not None:
            feeder.request_reconnect(reason)

    def _open_source(self, name: str) -> None:
        if name not in self._open:
            feeder = _Feeder(self, name, self._clocks.steady())
            self._open[name] = feeder
            feeder.upstream = self._sources[name].open(self.channel, feeder)

    def _open_next(self) -> None:
        name = next((name for name in self._sources if name not in self._open), None)
        if name is not None:
            self._open_source(name)

    def _close_surplus(self, active: str, now_s: float, now_ms: int) -> None:
        """Of the sources that are not read, keep the hot ones, and better ones that are on their way back."""
        order = list(self._sources)
        hot = set(order[: self._hot_sources]) if self._hot_sources > 1 else {active}
        for name, feeder in list(self._open.items()):
            if name == active or name in hot:
                feeder.idle_since_s = None
                continue
            is_back = self._arbiter.records[name].is_usable(now_s, now_ms)
            if order.index(name) < order.index(active) and not is_back:
                feeder.idle_since_s = None
            elif feeder.idle_since_s is None:
                feeder.idle_since_s = now_s
            elif now_s - feeder.idle_since_s >= max(self._linger_s, 2 * HOLD_S):  # time enough to show its worth
                del self._open[name]
                task = asyncio.create_task(feeder.close(), name=f"close {name} {self.channel}")
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    # --- what comes -------------------------------------------------------------------------------------------------
    def _took(self, feeder: "_Feeder", frame: Any, completeness: float) -> None:
        """A source has a frame. Raises ProtocolError, upon which it begins anew."""
        now_ms = self._clocks.now_ms()
        if isinstance(frame, ExactBookFrame) and self.channel.feed is Feed.BOOK:
            feeder.book.apply(frame)
            if feeder.book.state is BookState.CROSSED:
                raise ProtocolError(f"{self.channel}: the book is crossed")
        record = self._arbiter.records[feeder.name]
        record.frame(self._clocks.steady(), now_ms, _stamp_ms(frame, now_ms), completeness)
        record.price = price_of(frame) or record.price
        if self._arbiter.active == feeder.name:
            self._tell(feeder, frame, now_ms)
            if self._state != "live":
                self._look_at_state()
        elif self._arbiter.active is None or self._state != "live":
            self._decide(feeder, frame)

    def _lost(self, feeder: "_Feeder", error: ExtendedError) -> None:
        record = self._arbiter.records[feeder.name]
        record.lost(self._clocks.steady(), str(error), is_gap=isinstance(error, SequenceGap))
        if isinstance(error, RateLimited):
            record.cool(self._clocks.steady(), error.retry_after_s)
        feeder.has_failed = True
        if self._arbiter.active in (feeder.name, None) and self._open:
            self._decide()
            self._look_at_state()
            if not any(self._arbiter.records[name].is_live for name in self._open):
                self._open_next()

    def _decide(self, feeder: "_Feeder | None" = None, frame: Any = None) -> None:
        switch = self._arbiter.decide(self._clocks.steady(), self._clocks.now_ms())
        if switch is None:
            return
        if switch.before is not None:
            after = switch.after or "no source"
            logger.warning("%s: from %s to %s (%s)", self.channel, switch.before, after, switch.reason)
        self._look_at_state(switch)
        self._on_switch(self, switch)
        chosen = self._open.get(switch.after or "")
        if chosen is None:
            return
        now_ms = self._clocks.now_ms()
        if self.channel.feed is Feed.BOOK:
            self._publish(self._depth.snapshot(chosen.book, chosen.name, now_ms, is_new=True))
        elif chosen is feeder:
            self._tell(chosen, frame, now_ms)
        elif chosen.last is not None:
            self._tell(chosen, chosen.last, now_ms)

    def _tell(self, feeder: "_Feeder", frame: Any, now_ms: int) -> None:
        for row in self._rows(feeder, frame, now_ms):
            self._publish(row)

    def _rows(self, feeder: "_Feeder", frame: Any, now_ms: int) -> Iterable[Row]:
        match frame:
            case TradesFrame():
                return self.trades.rows(frame, feeder.name, now_ms)
            case CandleFrame():
                self._on_candles(frame, feeder.name)
                return ()
            case MarketStats():
                return (stats_row(self.channel.market, frame, feeder.name, now_ms),)
            case ExactBookFrame() if self.channel.feed is Feed.BOOK:
                return self._depth.rows(feeder.book, frame, feeder.name, now_ms)
        row = LATEST[self.channel.feed](frame, feeder.name, now_ms)
        check_market(row.market, self.channel.market)
        return (row,) if row.market else ()

    # --- what is known ----------------------------------------------------------------------------------------------
    def book_now(self, levels: int | None = None) -> DepthRow | None:
        """Return the book as it is now; None where there is none to trust."""
        feeder = self._open.get(self._arbiter.active or "")
        if feeder is None or not feeder.book.is_live:
            return None
        return self._depth.snapshot(feeder.book, feeder.name, self._clocks.now_ms(), levels=levels)

    def confidence(self) -> float | None:
        """Return how much the active source is to be trusted (0 to 1), None where nothing live tells."""
        now_s, now_ms = self._clocks.steady(), self._clocks.now_ms()
        active = self._arbiter.active
        if active is None or not self._arbiter.records[active].is_usable(now_s, now_ms):
            return None
        return self._arbiter.confidence(active, now_s, now_ms)

    def status(self) -> ChannelStatus:
        """Return what is true now."""
        now_s, now_ms = self._clocks.steady(), self._clocks.now_ms()
        sources = tuple(
            SourceStatus(
                name=record.name,
                state=record.state(now_s, now_ms) if record.name in self._open else "idle",
                score=round(record.score(now_s, now_ms), 1),
                confidence=round(self._arbiter.confidence(record.name, now_s, now_ms), 3),
                age_s=record.age_s(now_ms),
                latency_p95_ms=record.latency_p95_ms,
                errors=record.errors,
                gaps=record.gaps,
            )
            for record in self._arbiter.records.values()
        )
        return ChannelStatus(
            market=self.channel.market,
            feed=self.channel.feed.value,
            timeframe=self.channel.frame.name if self.channel.frame else None,
            state=self._state,
            since_ms=self._since_ms,
            active=self._arbiter.active,
            readers=self.readers,
            switches=self._arbiter.switches,
            sources=sources,
        )

    def _look_at_state(self, switch: Switch | None = None) -> None:
        """Find out the state; tell of it where it, or the source, is another."""
        now_s, now_ms = self._clocks.steady(), self._clocks.now_ms()
        if self._arbiter.active is None:
            has_begun = self._state != "connecting" or any(feeder.has_failed for feeder in self._open.values())
            state = "down" if has_begun else "connecting"
        else:
            active = self._arbiter.records[self._arbiter.active]
            state = "live" if active.is_usable(now_s, now_ms) else "stale" if active.is_live else "down"
        is_new = state != self._state
        if is_new:
            self._state, self._since_ms = state, now_ms
        if is_new or switch is not None:
            self._publish(
                StatusRow(
                    market=self.channel.market,
                    ts_ms=now_ms,
                    received_ms=now_ms,
                    provider=self._arbiter.active or "",
                    feed=str(self.channel.feed),
                    state=state,
                    since_ms=self._since_ms,
                    switched_from=switch.before if switch else None,
                    reason=switch.reason if switch else "",
                )
            )


class _Feeder:
    """One source's hold on the channel: its upstream, its own book, its last frame. It is the source's sink."""

    def __init__(self, reader: ChannelReader, name: str, opened_s: float) -> None:
        self.name = name
        self.opened_s = opened_s
        self.upstream: Upstream | None = None
        self.book = OrderBook(reader.channel.market, sequenced=False)  # sources check `seq`
        self.last: Any = None
        self.has_failed = False
        self.idle_since_s: float | None = None
        self._reader: ChannelReader | None = reader

    def connected(self) -> None:
        """See Sink."""
        if self._reader is not None:
            self.book.reset()
            record = self._reader._arbiter.records[self.name]
            record.connected(self._reader._clocks.steady())

    def take(self, frame: Any, completeness: float = 1.0) -> None:
        """See Sink."""
        if self._reader is not None:
            self.last = frame
            self._reader._took(self, frame, completeness)

    def lost(self, error: ExtendedError) -> None:
        """See Sink."""
        if self._reader is not None:
            self._reader._lost(self, error)

    def request_reconnect(self, reason: str) -> None:
        """Begin anew."""
        if self.upstream is not None:
            self.upstream.request_reconnect(reason)

    async def close(self) -> None:
        """End the upstream; nothing is heard of it any more."""
        self._reader = None
        if self.upstream is not None:
            await self.upstream.close()


def _stamp_ms(frame: Any, now_ms: int) -> int:
    """Return the exchange's time of a frame. The newest trade's own, where there are trades."""
    if isinstance(frame, TradesFrame) and frame.trades:
        return max(frame.ts_ms if frame.seq else 0, *(trade.time_ms for trade in frame.trades))
    if isinstance(frame, MarketStats):
        return now_ms
    return int(frame.ts_ms)
