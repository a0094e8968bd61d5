"""The past of a hub: its rows kept as frames of the exchange, and made into rows again."""

from collections.abc import AsyncIterator, Collection, Iterable

from hummingbot_extended.candles.aggregate import Candle
from hummingbot_extended.candles.exchange_loader import bar_of
from hummingbot_extended.candles.store import CandleStore, StoredEvent
from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe, timeframe
from hummingbot_extended.exchange.channels import CandleFrame, ExactBookFrame, TradesFrame
from hummingbot_extended.exchange.orderbook import BookState, OrderBook
from hummingbot_extended.hub.events import BarRow, Row, TradeRow
from hummingbot_extended.hub.kinds import FEEDS_OF, Feed, Kind
from hummingbot_extended.hub.prices import MarketPrice
from hummingbot_extended.hub.sources.paths import DECODERS
from hummingbot_extended.hub.translate import LATEST, Depth, Trades

# What the exchange has frames for. Prices are made of trades.
KEPT = (Kind.QUOTE, Kind.TRADES, Kind.DEPTH, Kind.OHLCV, Kind.FUNDING, Kind.MARK, Kind.INDEX)
SNAPSHOT = '{"type":"SNAPSHOT"'
PROVIDER = "replay"


def topic_of(kind: Kind, market: str, frame: Timeframe | None = None) -> str:
    """Return what a kind of a market is called in the journal and on a bus."""
    return ".".join([market, kind.value, *([frame.name] if frame else [])])


def parse_topic(topic: str) -> tuple[Kind, str, Timeframe | None]:
    """Undo `topic_of`."""
    market, kind, *frame = topic.split(".")
    return Kind(kind), market, timeframe(frame[0]) if frame else None


def record(row: Row) -> tuple[int, str, bytes] | None:
    """Return a row as (time, topic, frame), None for what is not kept: derived rows, and bars that still form."""
    if row.kind not in KEPT or row.is_stale:
        return None
    if isinstance(row, BarRow):
        if not row.candle.closed:
            return None
        return row.received_ms, topic_of(row.kind, row.market, row.frame), row.envelope(0)
    return row.received_ms, topic_of(row.kind, row.market), row.envelope(0)


class Reader:
    """Makes rows of recorded frames, as the hub did when they were live. Sans-I/O."""

    def __init__(self) -> None:
        self._books: dict[str, tuple[OrderBook, Depth]] = {}
        self._trades: dict[str, Trades] = {}
        self._prices: dict[str, MarketPrice] = {}

    def rows(self, topic: str, ts_ms: int, payload: bytes) -> Iterable[Row]:
        """Return the rows of one record; none for a change of a book whose snapshot is not there."""
        kind, market, frame = parse_topic(topic)
        feed = FEEDS_OF[kind][0]
        decoded = DECODERS[feed](payload)
        match decoded:
            case TradesFrame():
                return self._of_trades(market, decoded, ts_ms)
            case CandleFrame():
                return [_bar_row(market, frame or TIMEFRAMES[0], decoded, ts_ms)]
            case ExactBookFrame() if feed is Feed.BOOK:
                return self._of_book(market, decoded, ts_ms)
        return [LATEST[feed](decoded, PROVIDER, ts_ms)]

    def book(self, market: str, now_ms: int) -> Row | None:
        """Return the book as far as it was read; None where there is none."""
        if market not in self._books:
            return None
        book, depth = self._books[market]
        return depth.snapshot(book, PROVIDER, now_ms, is_new=True)

    def _of_book(self, market: str, frame: ExactBookFrame, now_ms: int) -> list[Row]:
        book, depth = self._books.setdefault(market, (OrderBook(market, sequenced=False), Depth(market)))
        if book.state is BookState.EMPTY and not frame.is_snapshot:
            return []
        book.apply(frame)
        return depth.rows(book, frame, PROVIDER, now_ms)

    def _of_trades(self, market: str, frame: TradesFrame, now_ms: int) -> Iterable[Row]:
        trades = self._trades.get(market)
        if trades is None:
            trades = self._trades[market] = Trades(market, has_begun=True)
        price = self._prices.setdefault(market, MarketPrice(market))
        for row in trades.rows(frame, PROVIDER, now_ms):
            yield row
            if isinstance(row, TradeRow):
                yield price.of(row, lambda _feed: 1.0)


def _bar_row(market: str, frame: Timeframe, decoded: CandleFrame, now_ms: int) -> BarRow:
    candle = Candle.of(bar_of(decoded.candles[0]), closed=True, provider=PROVIDER)
    return BarRow(market=market, ts_ms=now_ms, received_ms=now_ms, provider=PROVIDER, frame=frame, candle=candle)


async def replay(
    store: CandleStore, kinds: Collection[Kind], markets: Collection[str], frame: Timeframe, *, from_ms: int, to_ms: int
) -> AsyncIterator[Row]:
    """Iterate over the rows of the journal in [from_ms, to_ms); a book begins with the snapshot before it."""
    wanted = {Kind(kind) for kind in kinds}
    read = {Kind.TRADES if kind is Kind.PRICE else kind for kind in wanted} & set(KEPT)
    topics = [
        topic_of(kind, market, frame if kind is Kind.OHLCV else None) for kind in sorted(read) for market in markets
    ]
    reader = Reader()
    if Kind.DEPTH in wanted:
        for market in markets:
            for event in await _book_before(store, market, from_ms):
                for _ in reader.rows(event.topic, from_ms, event.payload):
                    pass
            if (snapshot := reader.book(market, from_ms)) is not None:
                yield snapshot
    last_id = 0
    while page := await store.events(from_ms, to_ms, topics, after_id=last_id):
        for event in page:
            for row in reader.rows(event.topic, event.ts_ms, event.payload):
                if row.kind in wanted:
                    yield row
        last_id = page[-1].id


async def _book_before(store: CandleStore, market: str, from_ms: int) -> list[StoredEvent]:
    """Return the last snapshot of a book before a time, and the changes after it up to then."""
    topic = topic_of(Kind.DEPTH, market)
    snapshot = await store.last_event(topic, SNAPSHOT, from_ms)
    if snapshot is None:
        return []
    events, last_id = [snapshot], snapshot.id
    while page := await store.events(0, from_ms, [topic], after_id=last_id):
        events += page
        last_id = page[-1].id
    return events
