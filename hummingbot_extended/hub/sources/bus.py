"""The bus as a source: an edge reads what ingests publish. Of two ingests hot/hot one is followed at a time."""

import asyncio
from collections import Counter
from time import monotonic

import msgspec

from hummingbot_extended.errors import ConnectFailed, ProtocolError, SequenceGap
from hummingbot_extended.exchange.channels import ExactBookFrame
from hummingbot_extended.hub.bus.base import Bus
from hummingbot_extended.hub.bus.topics import (
    KINDS,
    Head,
    Want,
    alive_topic,
    data_topic,
    head_decoder,
    want_topic,
)
from hummingbot_extended.hub.kinds import Channel, Feed
from hummingbot_extended.hub.sources.base import Sink
from hummingbot_extended.hub.sources.paths import DECODERS

WANT_S = 10.0
CHECK_S = 1.0
# Looks in a row at which nothing was heard of an ingest. Not seconds: when this process stalls, no ingest is to blame.
DEAD_AFTER_CHECKS = 3


class BusSource:
    """Reads channels off a bus. An ingest silent for `DEAD_AFTER_CHECKS` looks is dead: others are followed."""

    name = "bus"

    def __init__(self, bus: Bus, domain: str) -> None:
        self._bus = bus
        self._domain = domain
        self._signs: Counter[str] = Counter()
        self._end = bus.subscribe(alive_topic(domain), self._hear)

    def __repr__(self) -> str:
        return f"<BusSource on {self._bus!r}>"

    def offers(self, channel: Channel) -> bool:
        """See Source."""
        return channel.feed in KINDS

    def open(self, channel: Channel, sink: Sink) -> "BusUpstream":
        """See Source."""
        return BusUpstream(self._bus, self._domain, channel, sink, self)

    async def close(self) -> None:
        """See Source."""
        self._end()

    def signs(self, ingest: str) -> int:
        """Return how often an ingest has said something."""
        return self._signs[ingest]

    def lives(self, ingest: str) -> None:
        """Take note that an ingest has said something."""
        self._signs[ingest] += 1

    def _hear(self, payload: bytes) -> None:
        try:
            self.lives(head_decoder.decode(payload).via)
        except msgspec.DecodeError:
            return  # not an ingest's


class BusUpstream:
    """A channel on the bus."""

    def __init__(self, bus: Bus, domain: str, channel: Channel, sink: Sink, source: BusSource) -> None:
        self._bus = bus
        self._domain = domain
        self._channel = channel
        self._sink = sink
        self._source = source
        self._followed: str | None = None
        self._expected = 0
        self._was_up = False
        self._decode = DECODERS[channel.feed]
        self._ends = [bus.subscribe(data_topic(domain, channel), self._take), bus.watch(self._state)]
        self._task = asyncio.create_task(self._want_for_ever(), name=f"bus {channel}")

    def request_reconnect(self, reason: str) -> None:
        """See Upstream."""
        self._leave(ProtocolError(reason))

    async def close(self) -> None:
        """See Upstream."""
        for end in self._ends:
            end()
        self._ends = []
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _want_for_ever(self) -> None:
        """Ask for the channel again and again: it is a lease; and look whether who is followed lives."""
        asked_s, seen, silent = 0.0, 0, 0
        while True:
            if self._followed is not None:
                signs = self._source.signs(self._followed)
                seen, silent = signs, silent + 1 if signs == seen else 0
                if silent >= DEAD_AFTER_CHECKS:
                    self._leave(ConnectFailed(f"the ingest {self._followed} is silent"))
            if self._followed is None or monotonic() - asked_s >= WANT_S:
                self._want()
                asked_s = monotonic()
            await asyncio.sleep(CHECK_S)

    def _want(self) -> None:
        if self._bus.is_up:
            want = Want(self._channel.market, self._channel.feed)
            self._bus.publish(want_topic(self._domain), msgspec.json.encode(want))

    def _state(self, is_up: bool) -> None:
        self._was_up = self._was_up or is_up
        if not is_up and self._was_up:
            self._leave(ConnectFailed("the bus is gone"))

    def _leave(self, error: ConnectFailed | ProtocolError) -> None:
        self._followed = None
        self._sink.lost(error)
        self._want()

    def _take(self, payload: bytes) -> None:
        try:
            head = head_decoder.decode(payload)
            if self._followed is None or head.via == self._followed:
                self._source.lives(head.via)
                self._follow(head, payload)
        except msgspec.DecodeError:
            return  # not an ingest's
        except ProtocolError as error:
            self._leave(error)

    def _follow(self, head: Head, payload: bytes) -> None:
        frame = self._decode(payload)
        if self._followed is None:
            # What was asked for comes first: a book's snapshot; the recent trades, among them those that were missed.
            if self._channel.feed is Feed.BOOK and isinstance(frame, ExactBookFrame) and not frame.is_snapshot:
                return
            if self._channel.feed is Feed.TRADES and not head.present:
                return
            self._followed = head.via
            self._sink.connected()
        elif head.seq != self._expected:
            raise SequenceGap(self._expected, head.seq, str(self._channel))
        self._expected = head.seq + 1
        self._sink.take(frame)
