"""From frames of the public channels to events."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hummingbot_extended.client.events import Book, Event, Funding, MarkPrice, Quote, Trade
from hummingbot_extended.client.inlet import Received
from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.exchange.channels import ExactBookFrame, ExactLevel, FundingFrame, PriceFrame, TradesFrame
from hummingbot_extended.exchange.models import PublicTrade
from hummingbot_extended.exchange.orderbook import OrderBook
from hummingbot_extended.exchange.rest import ExtendedRest

RECENT_TRADES = 50  # what a newcomer gets, as the exchange's own replay (API reference §6.8)
SEEN_TRADES = 5000


class LatestInterpreter[F]:
    """For channels whose every frame tells the present: quotes, funding, mark. `event_of` may return None."""

    def __init__(self, event_of: Callable[[F, bytes | str], Event | None]) -> None:
        self._event_of = event_of
        self._latest: Event | None = None

    async def take(self, received: Received) -> Sequence[Event]:
        """See Interpreter."""
        event = self._event_of(received.frame, received.raw)
        if event is None:
            return ()
        self._latest = event
        return (event,)

    def present(self, opening: Any) -> Iterable[Event]:
        """See Interpreter."""
        return () if self._latest is None else (self._latest,)

    def reset(self) -> None:
        """See Interpreter."""

    async def catch_up(self) -> Iterable[Event]:
        """Nothing: the next frame tells the present."""
        return ()


def quote_of(frame: ExactBookFrame, raw: bytes | str) -> Quote | None:
    """The quote of a depth=1 frame, which replaces both sides; None for a kind that is not known."""
    if not frame.market:
        return None
    bid, bid_qty = _best(frame.bids)
    ask, ask_qty = _best(frame.asks)
    return Quote(
        market=frame.market,
        bid=bid,
        bid_qty=bid_qty,
        ask=ask,
        ask_qty=ask_qty,
        ts_ms=frame.ts_ms,
        raw=raw,
    )


def _best(levels: Sequence[ExactLevel]) -> tuple[Decimal, Decimal] | tuple[None, None]:
    if not levels:
        return None, None
    best = levels[0]
    return best.price, best.change if best.total is None else best.total


def funding_of(frame: FundingFrame, raw: bytes | str) -> Funding:
    """The funding rate of a frame."""
    rate = frame.funding
    return Funding(market=rate.market, rate=rate.rate, time_ms=rate.time_ms, ts_ms=frame.ts_ms, raw=raw)


def mark_price_of(frame: PriceFrame, raw: bytes | str) -> MarkPrice:
    """The mark price of a frame; its own time is 0 on the wire (API reference §6.6)."""
    return MarkPrice(market=frame.price.market, price=frame.price.price, ts_ms=frame.ts_ms, raw=raw)


@dataclass(frozen=True, slots=True)
class BookChange:
    """A book after a frame: each listener makes a Book of it, as deep as it wants."""

    book: OrderBook
    ts_ms: int
    is_snapshot: bool
    raw: bytes | str | None

    def view(self, depth: int | None) -> Book:
        """The event for a listener; `depth` levels a side, None for all."""
        return Book(
            market=self.book.market,
            bids=tuple(self.book.bids.levels(depth)),
            asks=tuple(self.book.asks.levels(depth)),
            is_snapshot=self.is_snapshot,
            ts_ms=self.ts_ms,
            raw=self.raw,
        )


class BookInterpreter:
    """Keeps the book of one market from the stream alone; after a reconnect nothing comes until the SNAPSHOT."""

    def __init__(self, market: str) -> None:
        self._book = OrderBook(market, sequenced=False)  # the inlet checks `seq`

    async def take(self, received: Received) -> Sequence[BookChange]:
        """See Interpreter. A crossed book is no book: its connection is replaced."""
        frame: ExactBookFrame = received.frame
        self._book.apply(frame)
        if not frame.market:
            return ()
        if not self._book.is_live:
            raise ProtocolError(f"{self._book!r}: something was lost")
        return (BookChange(self._book, frame.ts_ms, frame.is_snapshot, received.raw),)

    def present(self, opening: Any) -> Iterable[BookChange]:
        """See Interpreter."""
        return (BookChange(self._book, self._book.ts_ms, True, None),) if self._book.is_live else ()

    def reset(self) -> None:
        """Wait for the new connection's SNAPSHOT."""
        self._book.reset()

    async def catch_up(self) -> Iterable[BookChange]:
        """Nothing: a REST picture has no sequence (API reference §6.2)."""
        return ()


class TradeInterpreter:
    """Public trades, each id once; after an outage REST is asked for the latest ones."""

    def __init__(self, market: str, rest: ExtendedRest) -> None:
        self._market = market
        self._rest = rest
        self._seen: dict[int, None] = {}  # in order of arrival
        self._recent: deque[Trade] = deque(maxlen=RECENT_TRADES)

    async def take(self, received: Received) -> Sequence[Trade]:
        """See Interpreter."""
        frame: TradesFrame = received.frame
        return self._new(frame.trades, received.raw)

    def present(self, opening: Any) -> Iterable[Trade]:
        """See Interpreter: the latest 50."""
        return tuple(self._recent)

    def reset(self) -> None:
        """See Interpreter."""

    async def catch_up(self) -> Iterable[Trade]:
        """See Interpreter."""
        return self._new(await self._rest.public_trades(self._market), None)

    def _new(self, trades: Iterable[PublicTrade], raw: bytes | str | None) -> list[Trade]:
        fresh = [trade for trade in trades if trade.id not in self._seen]
        events = [
            Trade(
                market=trade.market,
                id=trade.id,
                side=trade.side,
                type=trade.type,
                price=trade.price,
                qty=trade.qty,
                ts_ms=trade.time_ms,
                raw=raw,
            )
            for trade in sorted(fresh, key=lambda trade: trade.time_ms)
        ]
        self._recent.extend(events)
        self._seen.update((event.id, None) for event in events)
        while len(self._seen) > SEEN_TRADES:
            del self._seen[next(iter(self._seen))]
        return events
