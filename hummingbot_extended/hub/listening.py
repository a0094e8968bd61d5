"""One listener's hold on a hub: its topics, and the channels and candles that are kept open for it."""

from collections.abc import Callable
from functools import partial

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.keepers import Keepers
from hummingbot_extended.hub.kinds import FEEDS_OF, Channel, Kind
from hummingbot_extended.hub.readers import Readers
from hummingbot_extended.hub.topics import ALL, RowSink, Topic, Topics


class TopicListening:
    """See `interface.Listening`. `on_end` is called once, when it is given up."""

    def __init__(self, sink: RowSink, topics: Topics, readers: Readers, keepers: Keepers) -> None:
        self.topics: list[Topic] = []
        self.on_end: Callable[[], None] = lambda: None
        self._sink = sink
        self._all = topics
        self._readers = readers
        self._keepers = keepers
        self._releases: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<TopicListening to {len(self.topics)} topics>"

    def add(self, topic: Topic) -> None:
        """Listen to a topic, opening what it needs. Raises as `Readers.acquire`."""
        feeds = FEEDS_OF[topic.kind]
        if feeds and topic.market == ALL:
            raise SettingsError(f"{topic.kind} needs the names of markets")
        if topic.kind is Kind.OHLCV:
            feeds = ()  # candles are made of what their keeper reads
            self._keepers.acquire(topic.market)
            self._releases.append(partial(self._keepers.release, topic.market))
        for number, feed in enumerate(feeds):
            channel = Channel(feed, topic.market)
            if number and not self._readers.offers(channel):
                continue  # what the first feed alone makes is worth having too
            self._readers.acquire(channel)
            self._releases.append(partial(self._readers.release, channel))
        self._all.add(topic, self._sink)
        self.topics.append(topic)

    def end(self) -> None:
        """Give everything up at once. Safe to repeat."""
        for topic in self.topics:
            self._all.remove(topic, self._sink)
        for release in self._releases:
            release()
        self.topics, self._releases = [], []
        on_end, self.on_end = self.on_end, lambda: None
        on_end()

    async def close(self) -> None:
        """See Listening."""
        self.end()
