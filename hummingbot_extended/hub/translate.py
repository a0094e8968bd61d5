"""From the frames of a channel's active source to rows, each once. Sans-I/O."""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.exchange.channels import ExactBookFrame, ExactLevel, FundingFrame, PriceFrame, TradesFrame
from hummingbot_extended.exchange.decimals import EXACT, ZERO
from hummingbot_extended.exchange.models import MarketStats, PublicTrade
from hummingbot_extended.exchange.orderbook import OrderBook
from hummingbot_extended.hub.events import (
    DepthRow,
    FundingRow,
    IndexRow,
    Level,
    MarkRow,
    QuoteRow,
    Row,
    StatsRow,
    TradeRow,
)
from hummingbot_extended.hub.kinds import Feed

SEEN_TRADES = 5_000
RECENT_TRADES = 50  # what a newcomer gets, as from the exchange (API reference §6.8)


class Depth:
    """A market's book to the hub's readers: numbered rows, whichever source's book they are made from."""

    def __init__(self, market: str) -> None:
        self._market = market
        self._seq = 0

    def rows(self, book: OrderBook, frame: ExactBookFrame, provider: str, now_ms: int) -> list[Row]:
        """Return the row of a frame that `book` has applied."""
        if not frame.market:
            return []
        if frame.is_snapshot:
            return [self.snapshot(book, provider, now_ms, is_new=True)]
        bids = tuple(_changed(level, book.bids.size_at(level.price)) for level in frame.bids)
        asks = tuple(_changed(level, book.asks.size_at(level.price)) for level in frame.asks)
        if not bids and not asks:
            return []
        return [self._row(bids, asks, False, frame.ts_ms, provider, now_ms)]

    def snapshot(
        self, book: OrderBook, provider: str, now_ms: int, *, levels: int | None = None, is_new: bool = False
    ) -> DepthRow:
        """Return the whole book. It takes a number of its own (`is_new`) when all readers get it, else the last's."""
        sides = [
            tuple(Level(price, size, size) for price, size in side.levels(levels)) for side in (book.bids, book.asks)
        ]
        if is_new:
            return self._row(sides[0], sides[1], True, book.ts_ms, provider, now_ms)
        return DepthRow(
            market=self._market,
            ts_ms=book.ts_ms,
            provider=provider,
            received_ms=now_ms,
            seq=self._seq,
            prev_seq=self._seq,
            is_snapshot=True,
            bids=sides[0],
            asks=sides[1],
        )

    def _row(
        self,
        bids: tuple[Level, ...],
        asks: tuple[Level, ...],
        is_snapshot: bool,
        ts_ms: int,
        provider: str,
        now_ms: int,
    ) -> DepthRow:
        self._seq += 1
        return DepthRow(
            market=self._market,
            ts_ms=ts_ms,
            provider=provider,
            received_ms=now_ms,
            seq=self._seq,
            prev_seq=self._seq - 1,
            is_snapshot=is_snapshot,
            bids=bids,
            asks=asks,
        )


def _changed(level: ExactLevel, size: Decimal) -> Level:
    return Level(level.price, size, level.change)


class Trades:
    """A market's trades, each once by its id, whichever sources tell of it. `recent` are the newest, oldest first.

    The trades of the very first frame are the exchange's replay: they are kept for newcomers, and are no news.
    """

    def __init__(self, market: str, *, has_begun: bool = False) -> None:
        self._market = market
        self._seen: OrderedDict[int, None] = OrderedDict()
        self.recent: deque[TradeRow] = deque(maxlen=RECENT_TRADES)
        self._has_begun = has_begun

    def rows(self, frame: TradesFrame, provider: str, now_ms: int) -> list[Row]:
        """Return the rows of the trades that have not been seen, oldest first."""
        fresh = [trade for trade in frame.trades if trade.id not in self._seen and trade.market == self._market]
        rows = [self._row(trade, provider, now_ms) for trade in sorted(fresh, key=lambda t: (t.time_ms, t.id))]
        for row in rows:
            self._seen[row.trade_id] = None
        while len(self._seen) > SEEN_TRADES:
            self._seen.popitem(last=False)
        self.recent.extend(rows)
        is_news, self._has_begun = self._has_begun, True
        return list(rows) if is_news else []

    def _row(self, trade: PublicTrade, provider: str, now_ms: int) -> TradeRow:
        return TradeRow(
            market=self._market,
            ts_ms=trade.time_ms,
            provider=provider,
            received_ms=now_ms,
            trade_id=trade.id,
            price=trade.price,
            size=trade.qty,
            side=trade.side.value.lower(),
            trade_type=trade.type.value,
        )


def quote_row(frame: ExactBookFrame, provider: str, now_ms: int) -> QuoteRow:
    """Return the quote of a depth=1 frame."""
    bid, bid_size = _best(frame.bids)
    ask, ask_size = _best(frame.asks)
    return QuoteRow(
        market=frame.market,
        ts_ms=frame.ts_ms,
        provider=provider,
        received_ms=now_ms,
        bid=bid,
        bid_size=bid_size,
        ask=ask,
        ask_size=ask_size,
    )


def _best(levels: Sequence[ExactLevel]) -> tuple[Decimal, Decimal] | tuple[None, None]:
    if not levels:
        return None, None
    best = levels[0]
    return best.price, best.change if best.total is None else best.total


def _funding_row(frame: FundingFrame, provider: str, now_ms: int) -> FundingRow:
    rate = frame.funding
    return FundingRow(
        market=rate.market,
        ts_ms=frame.ts_ms,
        provider=provider,
        received_ms=now_ms,
        rate=rate.rate,
        time_ms=rate.time_ms,
    )


def _mark_row(frame: PriceFrame, provider: str, now_ms: int) -> MarkRow:
    price = frame.price
    return MarkRow(market=price.market, ts_ms=frame.ts_ms, provider=provider, received_ms=now_ms, price=price.price)


def _index_row(frame: PriceFrame, provider: str, now_ms: int) -> IndexRow:
    price = frame.price
    return IndexRow(market=price.market, ts_ms=frame.ts_ms, provider=provider, received_ms=now_ms, price=price.price)


def stats_row(market: str, stats: MarketStats, provider: str, now_ms: int) -> StatsRow:
    """Return the row of a market's statistics. The percentage is reckoned: the exchange's own is a fraction here and a
    percentage there (API reference §1)."""
    before = EXACT.subtract(stats.last_price, stats.daily_price_change)
    return StatsRow(
        market=market,
        ts_ms=now_ms,
        provider=provider,
        received_ms=now_ms,
        last=stats.last_price,
        change=stats.daily_price_change,
        change_percent=percent_of(stats.daily_price_change, before),
        volume=stats.daily_volume_base,
        quote_volume=stats.daily_volume,
        high=stats.daily_high,
        low=stats.daily_low,
        open_interest=stats.open_interest,
    )


def percent_of(change: Decimal, before: Decimal) -> Decimal | None:
    """Return `change` in percent of `before`, with four digits; None where that is no number."""
    if before <= ZERO:
        return None
    return (change / before * 100).quantize(Decimal("0.0001"))


def price_of(frame: Any) -> Decimal | None:
    """Return the price that a frame tells, for sources to be compared by; None where it tells none."""
    match frame:
        case TradesFrame(trades=[_, *_]):
            return max(frame.trades, key=lambda trade: (trade.time_ms, trade.id)).price
        case PriceFrame():
            return frame.price.price
        case MarketStats():
            return frame.last_price
    return None


LATEST: dict[Feed, Callable[[Any, str, int], Row]] = {
    Feed.QUOTE: quote_row,
    Feed.FUNDING: _funding_row,
    Feed.MARK: _mark_row,
    Feed.INDEX: _index_row,
}


def check_market(frame_market: str, market: str) -> None:
    """Raise ProtocolError for a frame of another market than the one asked for."""
    if frame_market not in ("", market):
        raise ProtocolError(f"{market}: a frame of {frame_market}")
