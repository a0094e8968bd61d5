"""One event stream of the hub's own: rows as Server-Sent Events with ids, resumed where the client left off."""

from collections import deque
from collections.abc import Mapping, Sequence
from operator import attrgetter

from hummingbot_extended.candles.timeframes import TIMEFRAMES, timeframe
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.client_messages import ALL_SYMBOLS, MAX_SYMBOLS
from hummingbot_extended.hub.event_log import Event, EventLog
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.face_topics import NO_STATES, TopicKey
from hummingbot_extended.hub.interface import MarketDataHub
from hummingbot_extended.hub.kinds import Kind
from hummingbot_extended.hub.listener import Listener, Pacer, Wire
from hummingbot_extended.hub.wires import encode_event

RETRY_MS = 1_000
KINDS = frozenset(Kind) - {Kind.ALERT}


def read_event_topics(hub: MarketDataHub, query: Mapping[str, str]) -> tuple[TopicKey, ...]:
    """Return the topics that `?kinds=…&symbols=…[&timeframe=…]` asks for.

    Raises SettingsError (UnknownMarket for a symbol), with a sentence for the client.
    """
    names = [name.strip().lower() for name in query.get("kinds", "price").split(",") if name.strip()]
    unknown = [name for name in names if name not in KINDS]
    if unknown or not names:
        raise SettingsError(f"kinds is a list of {', '.join(sorted(KINDS))}")
    symbols = [symbol.strip() for symbol in query.get("symbols", "").split(",") if symbol.strip()]
    if not 1 <= len(symbols) <= MAX_SYMBOLS:
        raise SettingsError(f"symbols is a list of 1 to {MAX_SYMBOLS} symbols, such as BTC-USD,ETH-USD")
    frame = timeframe(query.get("timeframe", TIMEFRAMES[0].interval))
    kinds = [Kind(name) for name in dict.fromkeys(names)]
    every = symbols == [ALL_SYMBOLS] and all(kind in (Kind.NEWS, Kind.STATUS) for kind in kinds)
    markets = [ALL_SYMBOLS] if every else list(dict.fromkeys(hub.resolve(symbol) for symbol in symbols))
    return tuple(TopicKey(kind, each, frame if kind is Kind.OHLCV else None) for kind in kinds for each in markets)


class EventSession(Listener):
    """An event stream's reader. It begins with what it missed since `last_event_id`, else with what is known now."""

    def __init__(
        self,
        wire: Wire,
        *,
        pacer: Pacer,
        limits: FaceLimits,
        log: EventLog,
        keys: Sequence[TopicKey],
        last_event_id: str = "",
        strings: bool = False,
    ) -> None:
        super().__init__(wire, pacer, limits)
        self._log = log
        self._keys = tuple(keys)
        self._strings = strings
        self._states: dict[TopicKey, Event] = {}
        self._events: deque[Event] = deque()
        self._dropped = 0
        self._lost_books: set[TopicKey] = set()
        self._opening: list[bytes] = [b"retry: %d\n\n" % RETRY_MS]
        self._sink = self._take
        missed = log.since(last_event_id, keys) if last_event_id else None
        topics = log.join(keys, self._sink)
        if last_event_id and missed is None:
            self._opening.append(encode_event(b'{"reason":"the events since then are not kept"}', event=b"gap"))
        if missed is not None:
            for event in missed:
                self._take(event)
        else:
            for topic in topics:
                if (row := topic.snapshot()) is not None:
                    self._opening.append(log.known(topic.key, row).text(strings))
        self.has_news()

    def __repr__(self) -> str:
        return f"<EventSession {len(self._keys)} topics, {self.messages_sent} events>"

    def _take(self, event: Event) -> None:
        if event.key.kind not in NO_STATES:
            self._states[event.key] = event
        elif event.key not in self._lost_books:
            self._events.append(event)
            if len(self._events) > self.limits.max_waiting_events:
                self._drop_oldest()
        self.has_news()

    def _drop_oldest(self) -> None:
        """Of a book nothing may be missing: a reader that is behind gets it anew."""
        key = self._events.popleft().key
        if key.kind is Kind.DEPTH:
            self._events = deque(event for event in self._events if event.key != key)
            self._lost_books.add(key)
        else:
            self._dropped += 1

    def collect(self) -> list[bytes]:
        """See Listener: in the order of the events' numbers, so that the last id covers all."""
        payloads, self._opening = self._opening, []
        waiting = sorted([*self._events, *self._states.values()], key=attrgetter("number"))
        self._events.clear()
        self._states.clear()
        if self._dropped:
            payloads.append(encode_event(b'{"dropped":%d}' % self._dropped, event=b"gap"))
            self._dropped = 0
        payloads += [event.text(self._strings) for event in waiting]
        for key in self._lost_books:
            if (book := self._log.hub.book(key.market, key.levels)) is not None:
                payloads.append(self._log.known(key, book).text(self._strings))
        self._lost_books.clear()
        return payloads

    async def stop(self) -> None:
        """Give the topics up."""
        self._log.leave(self._keys, self._sink)
        await super().stop()
