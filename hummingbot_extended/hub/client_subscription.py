"""One subscription of a WebSocket client: what waits for it, and the messages made of that. Sans-I/O."""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from hummingbot_extended.hub.client_messages import Mode, Numbers, StreamType, Subscribe
from hummingbot_extended.hub.events import DepthRow, Row
from hummingbot_extended.hub.face_topics import EVENT_KINDS, NO_STATES, Topic
from hummingbot_extended.hub.fan_out import Batch, data_tail
from hummingbot_extended.hub.kinds import Kind

_NO_EVENTS: deque[Row] = deque(maxlen=0)  # of all subscriptions that never have one
_TICK_BY_DEFAULT = frozenset({StreamType.DEPTH, StreamType.NEWS})

_encode = msgspec.json.Encoder().encode


class ClientSubscription:
    """Rows for one subscription. `has_news` is called when there is something to send at once.

    `send_now` sends a message of two parts past what waits; False where something does, or the reader is behind.
    """

    def __init__(
        self,
        subscription_id: str,
        asked: Subscribe,
        topics: dict[str, Topic],
        *,
        max_waiting: int,
        has_news: Callable[["ClientSubscription"], None],
        send_now: Callable[[bytes, bytes], bool],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.id = subscription_id
        self.asked = asked
        self.topics = topics  # by market, in the order asked for
        self.mode = asked.params.mode or (Mode.TICK if asked.stream_type in _TICK_BY_DEFAULT else Mode.INTERVAL)
        self.is_over = False
        self._is_tick = self.mode is Mode.TICK
        self._has_news = has_news
        self._send_now = send_now
        self._metadata = metadata
        self._kind = asked.stream_type.kind
        # What most readers at speed want: the newest state, nothing of their own in its messages.
        self._is_plain = metadata is None and self.mode is not Mode.INTERVAL and self._kind not in NO_STATES
        self._exact = asked.params.numbers is Numbers.STRING
        self._head = _encode({"type": "data", "stream_type": asked.stream_type, "subscription_id": subscription_id})[
            :-1
        ]
        self._changed: dict[str, Row] = {}
        self._events: deque[Row] = deque() if self._kind in NO_STATES else _NO_EVENTS
        self._max_waiting = max_waiting
        self._dropped = 0
        self._is_book = self._kind is Kind.DEPTH
        self._needs_book: set[str] = set()
        self._books: dict[str, int] = {}  # the `seq` of the book that was sent last, by market
        self._is_due = False
        self._listens = self.mode is not Mode.INTERVAL or self._kind in EVENT_KINDS
        self._sink = self._take_for(self._kind)
        for topic in topics.values():
            self._join(topic)

    def __repr__(self) -> str:
        return f"<ClientSubscription {self.id[:8]} {self.asked.stream_type} {','.join(self.topics)}>"

    # --- what comes in ----------------------------------------------------------------------------------------------

    def _join(self, topic: Topic) -> None:
        if self._is_tick:
            topic.fan_out.join(self)
        elif self._listens:
            topic.sinks[self._sink] = None
        if self._kind is Kind.DEPTH and self.mode is Mode.TICK:
            self._needs_book.add(topic.key.market)

    def take_batch(self, batch: Batch) -> None:
        """See Reader. What cannot leave now waits: the newest row of a state, or the rows in order."""
        if self._is_book and (self._needs_book or self._is_known(batch.rows[0])):
            is_sent = False
        else:
            is_sent = self._send_now(self._head, batch.tail(self._exact))
        if not is_sent:
            for row in batch.rows:
                self._sink(row)

    def _is_known(self, row: Row) -> bool:
        """Whether the book that was sent last holds this change already."""
        return isinstance(row, DepthRow) and row.seq <= self._books.get(row.market, 0)

    def _take_for(self, kind: Kind) -> Callable[[Row], None]:
        if kind in EVENT_KINDS:
            return self._take_event
        if kind is Kind.DEPTH and self.mode is Mode.TICK:
            return self._take_depth
        return self._take_state

    def _take_state(self, row: Row) -> None:
        self._changed[row.market] = row
        if self._is_tick:
            self._has_news(self)

    def _take_event(self, row: Row) -> None:
        self._events.append(row)
        if len(self._events) > self._max_waiting:
            self._events.popleft()
            self._dropped += 1
        if self.mode is Mode.TICK:
            self._has_news(self)

    def _take_depth(self, row: Row) -> None:
        """A reader that is behind gets a new snapshot instead of the changes it missed."""
        if row.market in self._needs_book:
            self._has_news(self)
            return
        if self._is_known(row):
            return
        self._events.append(row)
        if len(self._events) > self._max_waiting:
            self._needs_book.update(row.market for row in self._events)
            self._events.clear()
        self._has_news(self)

    def begin(self) -> None:
        """Send what is known now (`params.snapshot`, and each new depth subscription)."""
        known = [row for topic in self.topics.values() if (row := topic.snapshot()) is not None]
        if self._kind in EVENT_KINDS:
            self._events.extend(known)
        else:
            self._changed.update((row.market, row) for row in known)
        self.due()

    def due(self) -> None:
        """The interval is over."""
        self._is_due = True
        self._has_news(self)

    def drop_markets(self, markets: set[str]) -> list[Topic]:
        """Stop for these markets and return their topics, for the owner to leave."""
        gone = [topic for market, topic in self.topics.items() if market in markets]
        for topic in gone:
            topic.sinks.pop(self._sink, None)
            topic.fan_out.leave(self)
            del self.topics[topic.key.market]
            self._changed.pop(topic.key.market, None)
            self._needs_book.discard(topic.key.market)
        if gone:
            self._events = deque(row for row in self._events if row.market in self.topics)
        self.is_over = not self.topics
        return gone

    # --- what goes out ----------------------------------------------------------------------------------------------

    def collect(self, now_ms: int) -> list[bytes]:
        """Return the messages that are to be sent now, and forget what they are made of."""
        if self.is_over or not (self._is_due or self._is_tick):
            return []
        is_due, self._is_due = self._is_due, False
        if self._is_plain and len(self._changed) == 1:
            return [self._head + _shared_tail(self._changed.popitem()[1], now_ms, self._exact)]
        if self._kind in EVENT_KINDS:
            return self._collect_events(now_ms)
        if self._kind is Kind.DEPTH:
            return self._collect_depth(now_ms, is_due=is_due)
        if self.mode is Mode.INTERVAL:
            rows = [row for topic in self.topics.values() if (row := topic.latest) is not None]
        else:
            rows = list(self._changed.values())
        self._changed = {}
        return [self.message(rows, now_ms)] if rows else []

    def _collect_events(self, now_ms: int) -> list[bytes]:
        messages = []
        if self._dropped:
            gap = {"type": "gap", "stream_type": self.asked.stream_type, "subscription_id": self.id}
            messages.append(_encode(gap | {"dropped": self._dropped}))
            self._dropped = 0
        if self._events:
            messages.append(self.message(list(self._events), now_ms))
            self._events.clear()
        return messages

    def _collect_depth(self, now_ms: int, *, is_due: bool) -> list[bytes]:
        rows: list[Row] = []
        if self.mode is Mode.TICK:
            for market in sorted(self._needs_book):
                if (book := self.topics[market].snapshot()) is not None:
                    self._needs_book.discard(market)
                    rows.append(book)
                    self._books[market] = getattr(book, "seq", 0)
            rows += [row for row in self._events if not self._is_known(row)]
            self._events.clear()
        elif is_due:
            wanted = self.topics if self.mode is Mode.INTERVAL else self._changed
            rows = [book for market in wanted if (book := self.topics[market].snapshot()) is not None]
        self._changed = {}
        return [self.message(rows, now_ms)] if rows else []

    def message(self, rows: list[Row], now_ms: int) -> bytes:
        """Return a data message of `rows`; they are encoded already, so this only puts them together."""
        if self._metadata is not None or len(rows) != 1:
            return self._head + data_tail(rows, now_ms, self._exact, self._metadata)
        # The usual case: one row, the same for every reader of this turn of the loop.
        return self._head + _shared_tail(rows[0], now_ms, self._exact)

    def describe(self) -> dict[str, Any]:
        """Return what `list` tells of this subscription."""
        return {
            "subscription_id": self.id,
            "stream_type": self.asked.stream_type,
            "symbols": list(self.topics),
            "interval_ms": self.asked.interval_ms,
            "mode": self.mode,
            "timeframe": self.asked.params.timeframe_name if self._kind is Kind.OHLCV else None,
        }


class _LastTail:
    """The last tail that was made, and of what."""

    row: Row | None = None
    now_ms: int = 0
    exact = False
    tail = b""


def _shared_tail(row: Row, now_ms: int, exact: bool, last: type[_LastTail] = _LastTail) -> bytes:
    if last.row is not row or last.now_ms != now_ms or last.exact is not exact:
        last.tail = data_tail([row], now_ms, exact)
        last.row, last.now_ms, last.exact = row, now_ms, exact
    return last.tail
