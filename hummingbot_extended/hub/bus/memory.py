"""A bus within one process, for several hubs in it and for tests."""

import asyncio

from hummingbot_extended.errors import ConnectFailed
from hummingbot_extended.hub.bus.base import Bus


class MemoryBroker:
    """What memory buses of one process connect to. `is_up` False cuts them off."""

    def __init__(self) -> None:
        self.buses: set[MemoryBus] = set()
        self._up = asyncio.Event()
        self._up.set()

    @property
    def is_up(self) -> bool:
        """Whether messages pass."""
        return self._up.is_set()

    def cut(self) -> None:
        """End every connection and take no more."""
        self._up.clear()
        for bus in tuple(self.buses):
            bus.lose()

    def heal(self) -> None:
        """Take connections again."""
        self._up.set()


class MemoryBus(Bus):
    """A connection to a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, *, max_waiting: int = 10_000) -> None:
        super().__init__(max_waiting=max_waiting)
        self._broker = broker
        self._lost = asyncio.Event()

    def lose(self) -> None:
        """Lose the connection."""
        self._lost.set()

    async def _live(self) -> None:
        if not self._broker.is_up:
            raise ConnectFailed("the broker is down")
        self._lost.clear()
        self._broker.buses.add(self)
        self._came_up()
        try:
            async with asyncio.TaskGroup() as group:
                sender = group.create_task(self._send())
                await self._lost.wait()
                sender.cancel()
        finally:
            self._broker.buses.discard(self)
        raise ConnectFailed("the broker is gone")

    async def _send(self) -> None:
        while True:
            topic, payload, _ = await self._next()
            for bus in tuple(self._broker.buses):
                bus._deliver(topic, payload)
