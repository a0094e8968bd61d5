"""A book kept from the stream alone, exact, without I/O (API reference §6.2).

Feed it every book frame of one connection. Rules: a snapshot replaces everything, also the one that comes each minute;
a level's size is `c` where it is there, else what was stored plus `q`; a size of zero or less removes the level.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum

from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.exchange.book_frames import ExactBookFrame, ExactLevel
from hummingbot_extended.exchange.decimals import EXACT, ZERO
from hummingbot_extended.streams.sequence import SequenceChecker


class BookState(Enum):
    """Whether a book can be trusted."""

    EMPTY = "empty"  # no snapshot yet
    LIVE = "live"
    CROSSED = "crossed"  # best bid not below best ask: something was lost
    BROKEN = "broken"  # a gap; waits for `reset` and the next connection


class BookSide:
    """One side: sizes by price, prices in order. `best` is the highest price for bids, the lowest for asks."""

    def __init__(self, *, is_bid: bool) -> None:
        self._is_bid = is_bid
        self._sizes: dict[Decimal, Decimal] = {}
        self._prices: list[Decimal] = []  # ascending

    def __len__(self) -> int:
        return len(self._prices)

    @property
    def best(self) -> Decimal | None:
        """Best price or None when the side is empty."""
        if not self._prices:
            return None
        return self._prices[-1 if self._is_bid else 0]

    def size_at(self, price: Decimal) -> Decimal:
        """Return the size at a price, zero where there is none."""
        return self._sizes.get(price, ZERO)

    def levels(self, depth: int | None = None) -> list[tuple[Decimal, Decimal]]:
        """Return (price, size), best first, at most `depth` of them."""
        prices = reversed(self._prices) if self._is_bid else iter(self._prices)
        chosen = list(prices) if depth is None else [price for price, _ in zip(prices, range(depth), strict=False)]
        return [(price, self._sizes[price]) for price in chosen]

    def replace(self, levels: Iterable[ExactLevel]) -> None:
        """Forget everything and take the levels of a snapshot."""
        sizes = {level.price: level.change if level.total is None else level.total for level in levels}
        self._sizes = {price: size for price, size in sizes.items() if size > 0}
        self._prices = sorted(self._sizes)

    def change(self, level: ExactLevel) -> None:
        """Apply a level of a delta."""
        price = level.price
        size = EXACT.add(self.size_at(price), level.change) if level.total is None else level.total
        if size > 0:
            if price not in self._sizes:
                insort(self._prices, price)
            self._sizes[price] = size
        elif price in self._sizes:
            del self._sizes[price]
            del self._prices[bisect_left(self._prices, price)]


class OrderBook:
    """The book of one market, fed by the frames of one connection.

    `sequenced=False` when the connection carries other topics too: then its owner checks `seq` (API reference §6.1).
    """

    def __init__(self, market: str, *, sequenced: bool = True) -> None:
        self.market = market
        self.bids = BookSide(is_bid=True)
        self.asks = BookSide(is_bid=False)
        self.state = BookState.EMPTY
        self.ts_ms = 0
        self._sequenced = sequenced
        self._sequence = SequenceChecker(stream=market)

    def __repr__(self) -> str:
        return f"OrderBook({self.market}, {self.state.value}, bid={self.bids.best}, ask={self.asks.best})"

    @property
    def is_live(self) -> bool:
        """Whether prices can be taken from this book."""
        return self.state is BookState.LIVE

    @property
    def mid(self) -> Decimal | None:
        """Middle of best bid and best ask, None when a side is empty."""
        if self.bids.best is None or self.asks.best is None:
            return None
        return EXACT.divide(EXACT.add(self.bids.best, self.asks.best), Decimal(2))

    def reset(self) -> None:
        """Start a new connection: prices stay to look at, the next frame must be a snapshot."""
        self._sequence = SequenceChecker(stream=self.market)
        self.state = BookState.EMPTY

    def apply(self, frame: ExactBookFrame) -> None:
        """Apply a frame. Frames of an unknown kind only count for `seq`.

        Raises SequenceGap when a frame is missing, repeated or out of order, and ProtocolError for a delta before the
        first snapshot or a frame of another market; the book is BROKEN then, until `reset`.
        """
        try:
            self._check(frame)
        except ProtocolError:
            self.state = BookState.BROKEN
            raise
        if not frame.market:
            return
        self.ts_ms = frame.ts_ms
        if frame.is_snapshot:
            self.bids.replace(frame.bids)
            self.asks.replace(frame.asks)
        else:
            for level in frame.bids:
                self.bids.change(level)
            for level in frame.asks:
                self.asks.change(level)
        self.state = BookState.CROSSED if self._is_crossed() else BookState.LIVE

    def _check(self, frame: ExactBookFrame) -> None:
        if self.state is BookState.BROKEN:
            raise ProtocolError(f"{self.market}: the book is broken and was not reset")
        if self._sequenced:
            self._sequence.check(frame.seq)
        if frame.market not in ("", self.market):
            raise ProtocolError(f"{self.market}: a frame of {frame.market}")
        if frame.market and self.state is BookState.EMPTY and not frame.is_snapshot:
            raise ProtocolError(f"{self.market}: a delta before the first snapshot")

    def _is_crossed(self) -> bool:
        bid, ask = self.bids.best, self.asks.best
        return bid is not None and ask is not None and bid >= ask
