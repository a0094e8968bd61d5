"""What the faces read from the hub: one listening a topic, however many clients want it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.hub.events import DepthRow, Level, Row
from hummingbot_extended.hub.fan_out import FanOut
from hummingbot_extended.hub.interface import Listening, MarketDataHub
from hummingbot_extended.hub.kinds import Kind
from hummingbot_extended.hub.listener import Pacer

# Kinds whose rows are each of value: trades and news by themselves, changes of a book by the one before.
EVENT_KINDS = frozenset({Kind.TRADES, Kind.NEWS})
NO_STATES = EVENT_KINDS | {Kind.DEPTH}

type Sink = Callable[[Row], None]


@dataclass(frozen=True, slots=True)
class TopicKey:
    """What a topic is of: `frame` for candles, `levels` for a part of a book (None: all of it)."""

    kind: Kind
    market: str
    frame: Timeframe | None = None
    levels: int | None = None


class Topic:
    """The rows of one kind of one market. `latest` is the last one; `sinks` are told of each at once.

    The readers of `fan_out` get them in one go at the end of the turn.
    """

    def __init__(self, key: TopicKey, hub: MarketDataHub, pacer: Pacer) -> None:
        self.key = key
        self.fan_out = FanOut(pacer, newest_only=key.kind not in NO_STATES)
        self.latest: Row | None = None
        self.readers = 0
        self.sinks: dict[Sink, None] = {}
        self._hub = hub
        self._view = _BookView(hub, key.market, key.levels) if key.levels is not None else None
        self._listening: Listening = hub.listen(
            [key.kind], [key.market], self._take, timeframe=key.frame, snapshot=key.kind is not Kind.TRADES
        )

    def __repr__(self) -> str:
        return f"<Topic {self.key.kind} {self.key.market} {self.readers} readers>"

    def snapshot(self) -> Row | None:
        """Return what a newcomer begins with: the whole book of a depth topic, else the latest row."""
        if self.key.kind is not Kind.DEPTH:
            return self.latest
        return self._view.snapshot() if self._view is not None else self._hub.book(self.key.market)

    def _take(self, row: Row) -> None:
        if self._view is not None:
            change = self._view.change(row)
            if change is None:
                return
            row = change
        self.latest = row
        self.fan_out.take(row)
        for sink in tuple(self.sinks):
            sink(row)

    async def close(self) -> None:
        """Hear no more."""
        await self._listening.close()


class _BookView:
    """The best levels of a book as rows of their own sequence: a level that falls out of view is told as gone."""

    def __init__(self, hub: MarketDataHub, market: str, levels: int) -> None:
        self._hub = hub
        self._market = market
        self._levels = levels
        self._seen: DepthRow | None = None
        self._seq = 0

    def snapshot(self) -> DepthRow | None:
        """Return the view as a snapshot, at the sequence that the next change follows."""
        seen = self._seen or self._look()
        return None if seen is None else self._row(seen, seen.bids, seen.asks, is_snapshot=True, prev_seq=self._seq)

    def change(self, row: Row) -> DepthRow | None:
        """Return what `row` changed in view, None where that is nothing."""
        before, after = self._seen, self._look()
        if after is None:
            return None
        if before is None or (isinstance(row, DepthRow) and row.is_snapshot):
            self._seq += 1
            return self._row(after, after.bids, after.asks, is_snapshot=True, prev_seq=self._seq - 1)
        bids, asks = _changes(before.bids, after.bids), _changes(before.asks, after.asks)
        if not bids and not asks:
            return None
        self._seq += 1
        return self._row(after, bids, asks, is_snapshot=False, prev_seq=self._seq - 1)

    def _look(self) -> DepthRow | None:
        self._seen = self._hub.book(self._market, self._levels)
        return self._seen

    def _row(
        self, of: DepthRow, bids: tuple[Level, ...], asks: tuple[Level, ...], *, is_snapshot: bool, prev_seq: int
    ) -> DepthRow:
        return DepthRow(
            market=self._market,
            ts_ms=of.ts_ms,
            provider=of.provider,
            received_ms=of.received_ms,
            is_stale=of.is_stale,
            seq=self._seq,
            prev_seq=prev_seq,
            is_snapshot=is_snapshot,
            bids=bids,
            asks=asks,
        )


def _changes(before: tuple[Level, ...], after: tuple[Level, ...]) -> tuple[Level, ...]:
    old = {level.price: level.size for level in before}
    new = {level.price for level in after}
    changed = [
        level._replace(change=level.size - old.get(level.price, level.size * 0))
        for level in after
        if old.get(level.price) != level.size
    ]
    gone = [Level(price, size * 0, -size) for price, size in old.items() if price not in new]
    return (*changed, *gone)


class FaceTopics:
    """The topics that are read now, by key; the last reader's leaving closes one. `stop` waits for what closes."""

    def __init__(self, hub: MarketDataHub, pacer: Pacer) -> None:
        self.hub = hub
        self._pacer = pacer
        self._topics: dict[TopicKey, Topic] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._topics)

    def join(self, key: TopicKey) -> Topic:
        """Return the topic for one more reader, who must `leave` it. Raises what `hub.listen` raises."""
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = Topic(key, self.hub, self._pacer)
        topic.readers += 1
        return topic

    def leave(self, topic: Topic) -> None:
        """Give a topic up."""
        topic.readers -= 1
        if topic.readers == 0:
            del self._topics[topic.key]
            task = asyncio.get_running_loop().create_task(topic.close(), name=f"close {topic!r}")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def stop(self) -> None:
        """Wait until what was left is closed."""
        if self._closing:
            await asyncio.gather(*self._closing)
