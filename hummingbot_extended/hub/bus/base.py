"""What every bus is: topics, sinks, a bounded queue out, one task that keeps the connection alive."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from typing import Self

from hummingbot_extended.errors import ExtendedError, SettingsError
from hummingbot_extended.streams.backoff import Backoff

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
FIRST_DELAY_S = 0.25
MAX_DELAY_S = 5.0

type MessageSink = Callable[[bytes], None]
type StateSink = Callable[[bool], None]


class Bus(ABC):
    """Carries messages between hubs. `publish` never waits: the queue out is a ring, and what it drops is counted.

    A sink gets every message of its exact topic, at once, and must not raise. `on_state` is told of connects and
    losses. Subclasses say how a connection is made and lived through.
    """

    def __init__(self, *, max_waiting: int = MAX_WAITING) -> None:
        self.is_up = False
        self.dropped = 0
        self.published = 0
        self._waiting: deque[tuple[str, bytes, str]] = deque(maxlen=max_waiting)
        self._news = asyncio.Event()
        self._sinks: dict[str, list[MessageSink]] = {}
        self._states: list[StateSink] = []
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'up' if self.is_up else 'down'}, {len(self._sinks)} topics>"

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name=f"{type(self).__name__}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def publish(self, topic: str, payload: bytes, *, message_id: str = "") -> None:
        """Send a message soon. Of two with the same `message_id` a bus that can tell keeps one."""
        self.dropped += len(self._waiting) == self._waiting.maxlen
        self._waiting.append((topic, payload, message_id))
        self._news.set()

    def subscribe(self, topic: str, sink: MessageSink) -> Callable[[], None]:
        """Have `sink` called with each message of `topic`; call what is returned to end that."""
        is_new = topic not in self._sinks
        self._sinks.setdefault(topic, []).append(sink)
        if is_new:
            self._subscribed(topic)

        def end() -> None:
            sinks = self._sinks.get(topic, [])
            if sink in sinks:
                sinks.remove(sink)
                if not sinks:
                    del self._sinks[topic]
                    self._unsubscribed(topic)

        return end

    def watch(self, sink: StateSink) -> Callable[[], None]:
        """Have `sink` told whether the bus is up, now and at each change; call what is returned to end that."""
        self._states.append(sink)
        sink(self.is_up)
        return lambda: self._states.remove(sink) if sink in self._states else None

    def replay(self, topics: Collection[str], from_ms: int, to_ms: int) -> AsyncIterator[tuple[str, int, bytes]]:
        """Iterate over (topic, time, message) of the past. Raises SettingsError where the bus keeps none."""
        raise SettingsError("this bus keeps no past to replay")

    # --- for subclasses -----------------------------------------------------------------------------------------------
    @abstractmethod
    async def _live(self) -> None:
        """Connect, call `_came_up`, and live until the connection is lost. Raises ExtendedError where it is."""

    def _subscribed(self, topic: str) -> None:  # noqa: B027  # a hook
        """A topic is wanted for the first time."""

    def _unsubscribed(self, topic: str) -> None:  # noqa: B027  # a hook
        """A topic is wanted no more."""

    def _came_up(self) -> None:
        self._tell(True)

    def _deliver(self, topic: str, payload: bytes) -> None:
        for sink in tuple(self._sinks.get(topic, ())):
            sink(payload)

    async def _next(self) -> tuple[str, bytes, str]:
        """Return the next message to send."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        self.published += 1
        return self._waiting.popleft()

    async def _keep(self) -> None:
        backoff = Backoff(first_s=FIRST_DELAY_S, max_s=MAX_DELAY_S)
        while True:
            try:
                await self._live()
            except ExtendedError as error:
                if self.is_up:
                    logger.warning("the bus is down: %s", error)
            finally:
                self._tell(False)
            await asyncio.sleep(backoff.next_delay_s())

    def _tell(self, is_up: bool) -> None:
        if is_up is not self.is_up:
            self.is_up = is_up
            for sink in tuple(self._states):
                sink(is_up)


def make_bus(url: str) -> Bus | None:
    """Return the bus of a URL: None for memory:// (one process needs none). Raises SettingsError."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.strip("/").partition(":")
    if scheme == "memory":
        return None
    if not host or "@" in host or (port and not port.isdigit()):
        raise SettingsError("a bus is memory://, mqtt://HOST:PORT or nats://HOST:PORT, without user or password")
    if scheme == "mqtt":
        from hummingbot_extended.hub.bus.mqtt import MqttBus

        return MqttBus(host, int(port or 1883))
    if scheme == "nats":
        from hummingbot_extended.hub.bus.nats import NatsBus

        return NatsBus(host, int(port or 4222))
    raise SettingsError("a bus is memory://, mqtt://HOST:PORT or nats://HOST:PORT, without user or password")
