"""The bus as a source: an edge reads what ingests publish. Of two ingests hot/hot one is followed at a time."""

import asyncio
from time import monotonic

import msgspec

from hummingbot_extended.errors import ConnectFailed, ProtocolError, SequenceGap
from hummingbot_extended.exchange.channels import ExactBookFrame
from hummingbot_extended.hub.bus.base import Bus
from hummingbot_extended.hub.bus.topics import (
    KINDS,
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
WANT_FIRST_S = 1.0
DEAD_AFTER_S = 3.0


class BusSource:
    """Reads channels from a bus. An ingest that says nothing for `DEAD_AFTER_S` is dead, and another is followed."""

    name = "bus"

    def __init__(self, bus: Bus, domain: str) -> None:
        self._bus = bus
        self._domain = domain
        self._alive: dict[str, float] = {}
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

    def is_alive(self, ingest: str) -> bool:
        """Whether an ingest has said lately that it lives."""
        return monotonic() - self._alive.get(ingest, 0.0) < DEAD_AFTER_S

    def lives(self, ingest: str) -> None:
        """Take note that an ingest has said something."""
        self._alive[ingest] = monotonic()

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
        asked_s = 0.0
        while True:
            if self._followed is not None and not self._source.is_alive(self._followed):
                self._leave(ConnectFailed(f"the ingest {self._followed} is silent"))
            if self._followed is None or monotonic() - asked_s >= WANT_S:
                self._want()
                asked_s = monotonic()
            await asyncio.sleep(WANT_FIRST_S)

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

    def _take(self, payload: bytes) -> None:
        try:
            head = head_decoder.decode(payload)
            if self._followed is None or head.via == self._followed:
                self._follow(head.via, head.seq, payload)
        except msgspec.DecodeError:
            return  # not an ingest's
        except ProtocolError as error:
            self._leave(error)

    def _follow(self, via: str, seq: int, payload: bytes) -> None:
        frame = self._decode(payload)
        if self._followed is None:
            if self._channel.feed is Feed.BOOK and isinstance(frame, ExactBookFrame) and not frame.is_snapshot:
                return  # a book begins with a snapshot, which was asked for
            self._followed = via
            self._source.lives(via)
            self._sink.connected()
        elif seq != self._expected:
            raise SequenceGap(self._expected, seq, str(self._channel))
        self._expected = seq + 1
        self._sink.take(frame)
