"""The past from a bus that keeps it."""

from collections.abc import AsyncIterator, Collection

from hummingbot_extended.hub.bus.base import Bus
from hummingbot_extended.hub.bus.topics import KINDS, data_topic
from hummingbot_extended.hub.events import Row
from hummingbot_extended.hub.journal import Reader, topic_of
from hummingbot_extended.hub.kinds import FEEDS_OF, Channel, Feed, Kind


def replay_bus(
    bus: Bus, domain: str, kinds: Collection[Kind], markets: Collection[str], *, from_ms: int, to_ms: int
) -> AsyncIterator[Row]:
    """Iterate over the rows that passed in [from_ms, to_ms); a book begins with its first snapshot in there.

    Bars are left out: those on the bus still form. Raises SettingsError where the bus keeps nothing.
    """
    wanted = {Kind(kind) for kind in kinds}
    feeds = {FEEDS_OF[kind][0] for kind in wanted if FEEDS_OF[kind]} & (KINDS.keys() - {Feed.CANDLES})
    topics = {
        data_topic(domain, Channel(feed, market)): topic_of(KINDS[feed], market)
        for feed in sorted(feeds)
        for market in markets
    }
    return _rows(bus.replay(list(topics), from_ms, to_ms), topics, wanted)


async def _rows(
    messages: AsyncIterator[tuple[str, int, bytes]], topics: dict[str, str], wanted: set[Kind]
) -> AsyncIterator[Row]:
    reader = Reader()
    async for topic, ts_ms, payload in messages:
        for row in reader.rows(topics[topic], ts_ms, payload):
            if row.kind in wanted:
                yield row
