"""What event streams were told lately, numbered, so that a client that comes back gets what it missed.

A topic is logged while an event stream reads it and for a while after, so that there is something to come back to.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex

from hummingbot_extended.hub.events import Row
from hummingbot_extended.hub.face_topics import FaceTopics, Topic, TopicKey
from hummingbot_extended.hub.interface import MarketDataHub
from hummingbot_extended.hub.timers import Timers

LINGER_S = 60.0

type EventSink = Callable[[int, TopicKey, Row], None]


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
        self._events: deque[tuple[int, TopicKey, Row]] = deque(maxlen=max_events)
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

    def event_id(self, number: int) -> bytes:
        """Return the id of an event, as clients send it back."""
        return f"{self._run}-{number}".encode()

    def since(self, event_id: str, keys: Collection[TopicKey]) -> Iterator[tuple[int, TopicKey, Row]] | None:
        """Return the events of these topics after `event_id`; None where some of them are not here (any more)."""
        run, _, text = event_id.rpartition("-")
        if run != self._run or not (text.isascii() and text.isdigit() and len(text) < 16):
            return None
        number = int(text)
        oldest = self._events[0][0] if self._events else self.last + 1
        logged = [self._logged.get(key) for key in keys]
        if number > self.last or number < oldest - 1 or any(each is None or each.since > number for each in logged):
            return None
        wanted = frozenset(keys)
        return iter([event for event in self._events if event[0] > number and event[1] in wanted])

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
        self._events.append((self.last, key, row))
        for sink in tuple(self._logged[key].sinks):
            sink(self.last, key, row)

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
