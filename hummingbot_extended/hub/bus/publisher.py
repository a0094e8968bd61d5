"""An ingest's side of the bus: its rows go out, numbered by channel; what edges want is read."""

import asyncio
from collections.abc import Callable
from time import monotonic, time
from typing import Protocol

import msgspec

from hummingbot_extended.hub.bus.base import Bus
from hummingbot_extended.hub.bus.topics import (
    KINDS,
    Head,
    alive_topic,
    channel_of,
    data_topic,
    message_of,
    present_of_trades,
    want_decoder,
    want_topic,
)
from hummingbot_extended.hub.events import BarRow, Row, TradeRow
from hummingbot_extended.hub.kinds import Channel, Feed

ALIVE_S = 1.0
LEASE_S = 30.0


class Reading(Protocol):
    """What the publisher needs of its hub."""

    def listen_channel(self, channel: Channel, sink: Callable[[Row], None]) -> Callable[[], None]:
        """Have `sink` called with the rows of a channel until the returned function is called. Raises ExtendedError."""
        ...

    def present(self, channel: Channel) -> list[Row]:
        """Return the rows that tell a newcomer the present of a channel."""
        ...


class _Lease:
    def __init__(self, topic: str, end: Callable[[], None], until_s: float | None) -> None:
        self.topic = topic
        self.end = end
        self.until_s = until_s
        self.seq = 0


class Publisher:
    """Publishes channels of a hub: those of `pinned` markets for ever, others for `LEASE_S` after each wish."""

    def __init__(self, bus: Bus, hub: Reading, domain: str, name: str, pinned: tuple[str, ...]) -> None:
        self._bus = bus
        self._hub = hub
        self._domain = domain
        self._name = name
        self._pinned = pinned
        self._leases: dict[Channel, _Lease] = {}

    def __repr__(self) -> str:
        return f"<Publisher {self._name}: {len(self._leases)} channels>"

    async def run(self) -> None:
        """Publish until cancelled; then give everything up."""
        end = self._bus.subscribe(want_topic(self._domain), self._wanted)
        try:
            for market in self._pinned:
                for feed in KINDS:
                    self._lease(channel_of(market, feed), None)
            while True:
                self._bus.publish(alive_topic(self._domain), msgspec.json.encode(Head(self._name)))
                self._end_leases()
                await asyncio.sleep(ALIVE_S)
        finally:
            end()
            for lease in self._leases.values():
                lease.end()
            self._leases.clear()

    def _wanted(self, payload: bytes) -> None:
        try:
            want = want_decoder.decode(payload)
            if want.feed not in KINDS:
                return
            channel = channel_of(want.market, want.feed)
            self._lease(channel, monotonic() + LEASE_S)
            rows = self._hub.present(channel)
        except (msgspec.DecodeError, ValueError):
            return  # not for us: nothing that an ingest can read, or can read any more
        if channel.feed is Feed.TRADES:
            lease = self._leases[channel]
            lease.seq += 1
            self._bus.publish(lease.topic, present_of_trades(rows, int(time() * 1000), lease.seq, self._name))
            return
        for row in rows:
            self._send(channel, row)

    def _lease(self, channel: Channel, until_s: float | None) -> None:
        """Read a channel. Raises SettingsError (a ValueError) where the hub cannot."""
        lease = self._leases.get(channel)
        if lease is None:
            end = self._hub.listen_channel(channel, lambda row: self._send(channel, row))
            self._leases[channel] = _Lease(data_topic(self._domain, channel), end, until_s)
        elif lease.until_s is not None:
            lease.until_s = until_s

    def _end_leases(self) -> None:
        for channel, lease in list(self._leases.items()):
            if lease.until_s is not None and monotonic() >= lease.until_s:
                lease.end()
                del self._leases[channel]

    def _send(self, channel: Channel, row: Row) -> None:
        lease = self._leases.get(channel)
        if lease is None or row.kind is not KINDS[channel.feed] or row.is_stale:
            return
        lease.seq += 1
        self._bus.publish(lease.topic, message_of(row, lease.seq, self._name), message_id=_identity(lease.topic, row))


def _identity(topic: str, row: Row) -> str:
    """Return what two ingests call the same thing alike; "" for what only one can say."""
    if isinstance(row, TradeRow):
        return f"{topic}:{row.trade_id}"
    if isinstance(row, BarRow) and row.candle.closed:
        return f"{topic}:{row.candle.open_time_ms}:{':'.join(map(str, row.candle.prices))}"
    return ""
