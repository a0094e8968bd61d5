"""One market's order book: from the stream's messages straight into Hummingbot's OrderBook, or broken with a reason."""

import math
import time
from collections.abc import Callable, Sequence
from itertools import takewhile

from hummingbot.core.data_type.order_book import OrderBook

from hummingbot_extended.connector.staleness import Staleness
from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.exchange.channels import BookFrame, BookLevel, decode_book
from hummingbot_extended.streams.sequence import SequenceChecker, unchecked

WAITING = "waiting for the first snapshot"


class BookFeed:
    """Keeps one OrderBook true to its stream, or says why it is not.

    The book is made from the stream alone: REST pictures have no sequence (API reference §6.2). A lost connection, a
    gap, a crossed book, a malformed message or silence breaks it, and `broken_reason` says why, until the next
    connection's SNAPSHOT. A broken OrderBook keeps its last levels; who trades asks `broken_reason` first.
    `on_silent(reason)` should have the stream reconnect.

    Update ids are a counter of our own: the stream's `seq` starts again with every connection, and Hummingbot takes a
    smaller id for an older message. `clock` is monotonic seconds.
    """

    def __init__(
        self,
        trading_pair: str,
        order_book: OrderBook,
        *,
        on_silent: Callable[[str], None],
        on_mended: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trading_pair = trading_pair
        self.order_book = order_book
        self.snapshots = self.deltas = self.breaks = 0
        self.last_ts_ms = 0  # the exchange's time of the last message
        self._on_silent = on_silent
        self._on_mended = on_mended
        self._clock = clock
        self._staleness = Staleness(clock())
        self._check_sequence = SequenceChecker().check
        self._update_id = 0
        self._broken: str | None = WAITING
        self._silent_s = 0.0

    def __repr__(self) -> str:
        state = self._broken or "live"
        return f"<{type(self).__name__} {self.trading_pair}: {state}, {self.snapshots} snapshots, {self.deltas} deltas>"

    def broken_reason(self) -> str | None:
        """Why the book cannot be trusted now, or None. Silence is judged at the moment of asking."""
        return self._broken or self._staleness.reason(self._clock())

    def connected(self, *, is_sequenced: bool = True) -> None:
        """A new connection: its sequence starts anew (unless it is not this stream's), and the book waits for its
        snapshot."""
        self._check_sequence = SequenceChecker().check if is_sequenced else unchecked
        self._staleness.reset(self._clock())
        self._broken = self._broken or WAITING

    def disconnected(self, reason: str) -> None:
        """The connection is gone, or of no use; the book is broken until the next one's snapshot."""
        self.breaks += self._broken is None
        if self._broken in (None, WAITING):
            self._broken = reason

    def check_silence(self) -> None:
        """Break the book, and have it reconnect, where its stream was silent for too long. Call it every second."""
        now_s = self._clock()
        if self._broken is None and (reason := self._staleness.reason(now_s)) is not None:
            self._silent_s = now_s - self._staleness.last_message_s
            self.disconnected(reason)
            self._on_silent(reason)

    def handle(self, message: bytes | str) -> None:
        """Apply one message of the stream. Raises ProtocolError, upon which the stream reconnects."""
        try:
            self._apply(decode_book(message))
        except ProtocolError as error:
            self.disconnected(str(error))
            raise

    def _apply(self, frame: BookFrame) -> None:
        self._check_sequence(frame.seq)
        self.last_ts_ms = frame.ts_ms
        self._update_id += 1
        bids, asks = frame.data.bids, frame.data.asks
        if frame.is_snapshot:
            self._apply_snapshot(bids, asks)
            return
        if self._broken is not None:
            raise ProtocolError("a delta came before the snapshot")
        if crosses(self.order_book, bids, asks):
            raise ProtocolError("the book is crossed")
        self.order_book.apply_diffs(bids, asks, self._update_id)
        self._staleness.message(self._clock())
        self.deltas += 1

    def _apply_snapshot(self, bids: Sequence[BookLevel], asks: Sequence[BookLevel]) -> None:
        now_s = self._clock()
        tops_before = tops(self.order_book)
        self.order_book.apply_snapshot(bids, asks, self._update_id)
        bid, ask = tops(self.order_book)
        if bid is not None and ask is not None and bid >= ask:
            raise ProtocolError("the book is crossed")
        if self._silent_s and tops_before == (bid, ask):
            self._staleness.learn_pause(self._silent_s)
        self._silent_s = 0.0
        self._staleness.message(now_s)
        self._staleness.snapshot(now_s)
        self.snapshots += 1
        if self._broken is not None:
            self._broken = None
            self._on_mended()


def tops(order_book: OrderBook) -> tuple[float | None, float | None]:
    """The best bid and the best ask; None for an empty side."""
    return _top(order_book, is_buy=False), _top(order_book, is_buy=True)


def _top(order_book: OrderBook, *, is_buy: bool) -> float | None:
    try:
        return order_book.get_price(is_buy)
    except OSError:  # Hummingbot's EnvironmentError: that side is empty
        return None


def crosses(order_book: OrderBook, bids: Sequence[BookLevel], asks: Sequence[BookLevel]) -> bool:
    """Whether the changes would leave a bid at or above an ask.

    Asked beforehand, because OrderBook hides it: it throws away levels until nothing overlaps.
    """
    try:
        bid, ask = order_book.get_price(False), order_book.get_price(True)
    except OSError:  # Hummingbot's EnvironmentError: a side is empty
        return _would_cross(order_book, bids, asks)
    for row in bids:
        if row.price > bid and row.amount > 0:
            bid = row.price
    for row in asks:
        if row.price < ask and row.amount > 0:
            ask = row.price
    # Only where the new tops meet the old ones does it matter which of those are deleted by the same message.
    return bid >= ask and _would_cross(order_book, bids, asks)


def _would_cross(order_book: OrderBook, bids: Sequence[BookLevel], asks: Sequence[BookLevel]) -> bool:
    """The exact answer, from the levels that will be there."""
    bid = max((row.price for row in bids if row.amount > 0), default=-math.inf)
    ask = min((row.price for row in asks if row.amount > 0), default=math.inf)
    gone_bids = {row.price for row in bids if row.amount <= 0}
    gone_asks = {row.price for row in asks if row.amount <= 0}
    met_bids = takewhile(lambda entry: entry.price >= ask, order_book.bid_entries())
    met_asks = takewhile(lambda entry: entry.price <= bid, order_book.ask_entries())
    return (
        bid >= ask
        or any(entry.price not in gone_bids for entry in met_bids)
        or any(entry.price not in gone_asks for entry in met_asks)
    )
