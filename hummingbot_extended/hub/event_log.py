"""What event streams were told lately, numbered, so that a client that comes back gets what it missed.

A topic is logged while an event stream reads it and for a while after, so that there is something to come back to.
"""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex

from hummingbot_extended.hub.events import Row
from hummingbot_extended.hub.face_topics import FaceTopics, Topic, TopicKey
from hummingbot_extended.hub.interface import MarketDataHub
from hummingbot_extended.hub.timers import Timers
from hummingbot_extended.hub.wires import encode_event

LINGER_S = 60.0

type EventSink = Callable[["Event"], None]


class Event:
    """A row of a topic with its number. Its text is made once, however many streams send it."""

    __slots__ = ("_id", "_texts", "key", "number", "row")

    def __init__(self, number: int, key: TopicKey, row: Row, event_id: bytes) -> None:
        self.number = number
        self.key = key
        self.row = row
        self._id = event_id
        self._texts: list[bytes | None] = [None, None]

    def __repr__(self) -> str:
        return f"<Event {self.number} {self.key.kind} {self.key.market}>"

    def text(self, exact: bool) -> bytes:
        """Return it as an event stream has it, with decimals as strings where `exact`."""
        text = self._texts[exact]
        if text is None:
            data = self.row.strings if exact else self.row.numbers
            text = self._texts[exact] = encode_event(data, event=self.key.kind.encode(), event_id=self._id)
        return text


@dataclass(slots=True, eq=False)
class _Logged:
    """A topic that is logged. `since` is the number of the last event before it was."""

    topic: Topic
    since: int
    take: Callable[[Row], None]
    sinks: dict[EventSink, None] = field(default_factory=dict)


class EventLog:
    """The last events of the topics that are logged. An event's id is "run-number": another run's ids are no use."""

    def __init__(self, topics: FaceTopics, timers: Timers, clock: Callable[[], float], max_events: int) -> None:
        self.last = 0
        self._run = token_hex(4)
        self._topics = topics
        self._timers = timers
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=max_events)
        self._logged: dict[TopicKey, _Logged] = {}

    def join(self, keys: Collection[TopicKey], sink: EventSink) -> list[Topic]:
        """Have `sink` called with every event of these topics. Raises what `FaceTopics.join` raises, nothing joined."""
        joined: list[TopicKey] = []
        try:
            for key in keys:
                self._log(key).sinks[sink] = None
                joined.append(key)
        except BaseException:
            self.leave(joined, sink)
            raise
        return [self._logged[key].topic for key in keys]

    def leave(self, keys: Collection[TopicKey], sink: EventSink) -> None:
        """Stop calling `sink`; topics that nobody reads any more are logged for a minute yet."""
        for key in keys:
            logged = self._logged[key]
            logged.sinks.pop(sink, None)
            if not logged.sinks:
                self._timers.add(self._clock() + LINGER_S, partial(self._forget, logged))

    @property
    def hub(self) -> MarketDataHub:
        """The hub that the topics are of."""
        return self._topics.hub

    def known(self, key: TopicKey, row: Row) -> Event:
        """Return what is known of a topic now as an event: who has it has all that the log holds."""
        return Event(self.last, key, row, f"{self._run}-{self.last}".encode())

    def since(self, event_id: str, keys: Collection[TopicKey]) -> list[Event] | None:
        """Return the events of these topics after `event_id`; None where some of them are not here (any more)."""
        run, _, text = event_id.rpartition("-")
        if run != self._run or not (text.isascii() and text.isdigit() and len(text) < 16):
            return None
        number = int(text)
        oldest = self._events[0].number if self._events else self.last + 1
        logged = [self._logged.get(key) for key in keys]
        if number > self.last or number < oldest - 1 or any(each is None or each.since > number for each in logged):
            return None
        wanted = frozenset(keys)
        return [event for event in self._events if event.number > number and event.key in wanted]

    def _log(self, key: TopicKey) -> _Logged:
        logged = self._logged.get(key)
        if logged is None:

            def take(row: Row) -> None:
                self._take(key, row)

            topic = self._topics.join(key)
            logged = self._logged[key] = _Logged(topic, self.last, take)
            topic.sinks[take] = None
        return logged

    def _take(self, key: TopicKey, row: Row) -> None:
        self.last += 1
        event = self.known(key, row)
        self._events.append(event)
        for sink in tuple(self._logged[key].sinks):
            sink(event)

    def _forget(self, logged: _Logged, _now_s: float = 0.0) -> None:
        key = logged.topic.key
        if not logged.sinks and self._logged.get(key) is logged:
            del self._logged[key]
            logged.topic.sinks.pop(logged.take, None)
            self._topics.leave(logged.topic)

    def stop(self) -> None:
        """Give up every topic."""
        for logged in tuple(self._logged.values()):
            logged.sinks.clear()
            self._forget(logged)
