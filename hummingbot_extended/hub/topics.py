"""Who listens to what inside a hub. Sans-I/O: a row is handed to its listeners at once, in order."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.hub.events import BarRow, Row
from hummingbot_extended.hub.kinds import Kind

ALL = "*"

type RowSink = Callable[[Row], None]


class Topic(NamedTuple):
    """What a listener asks for; `market` may be ALL, `frame` is set for candles."""

    kind: Kind
    market: str
    frame: Timeframe | None = None


class Topics:
    """The listeners by topic, and the last row of each topic."""

    def __init__(self) -> None:
        self._sinks: dict[Topic, list[RowSink]] = {}
        self._last: dict[Topic, Row] = {}
        self.published = 0

    def __repr__(self) -> str:
        return f"<Topics {len(self._sinks)} listened to, {self.published} rows>"

    def add(self, topic: Topic, sink: RowSink) -> None:
        """Have `sink` called with the rows of `topic`; added twice it is called twice."""
        self._sinks[topic] = [*self._sinks.get(topic, ()), sink]

    def remove(self, topic: Topic, sink: RowSink) -> None:
        """Undo one `add`. Nothing of a topic is left once its last listener is gone."""
        sinks = list(self._sinks.get(topic, ()))
        if sink in sinks:
            sinks.remove(sink)
        if sinks:
            self._sinks[topic] = sinks
        else:
            self._sinks.pop(topic, None)

    def publish(self, row: Row) -> None:
        """Hand a row to everybody who listens to it now."""
        topic = Topic(row.kind, row.market, row.frame if isinstance(row, BarRow) else None)
        self._last[topic] = row
        self.published += 1
        for sink in self._sinks.get(topic, ()):
            sink(row)
        for sink in self._sinks.get(topic._replace(market=ALL), ()):
            sink(row)

    def mark(self, market: str, kind: Kind, *, is_stale: bool) -> None:
        """Have readers know that the last rows of a kind are not, or again, kept up to date: they come once more."""
        for topic, row in tuple(self._last.items()):
            if topic.market == market and topic.kind is kind and row.is_stale is not is_stale:
                self.publish(replace(row, is_stale=is_stale))

    def last(self, topic: Topic) -> Row | None:
        """Return the last row of a topic."""
        return self._last.get(topic)

    def forget(self, market: str, kind: Kind) -> None:
        """Forget the last rows of a kind that nobody keeps up to date any more."""
        for topic in [topic for topic in self._last if topic.market == market and topic.kind is kind]:
            del self._last[topic]

    def listeners(self, topic: Topic) -> int:
        """Return how many listen to a topic."""
        return len(self._sinks.get(topic, ()))
