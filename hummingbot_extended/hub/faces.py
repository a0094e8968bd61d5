"""What all faces of a hub share: the topics they read, the clock they send by, their clients and counters."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hummingbot_extended.hub.client_messages import CloseCode
from hummingbot_extended.hub.client_session import ClientSession
from hummingbot_extended.hub.event_log import EventLog
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.face_topics import FaceTopics
from hummingbot_extended.hub.interface import MarketDataHub
from hummingbot_extended.hub.listener import Listener, Pacer, Wire
from hummingbot_extended.hub.security import Gate
from hummingbot_extended.hub.timers import Timers

logger = logging.getLogger(__name__)


class Faces:
    """The clients of one hub. `start` and `stop` belong to whoever serves; `counters` are for /metrics.

    `clock` is a monotonic clock in seconds, `now_ms` the epoch clock in milliseconds.
    """

    def __init__(
        self,
        hub: MarketDataHub,
        settings: FaceSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.hub = hub
        self.settings = settings or FaceSettings()
        self.limits = self.settings.limits
        self.gate = Gate(host=self.settings.host, token=self.settings.token, origins=self.settings.origins)
        self.pacer = Pacer(now_ms)
        self.timers = Timers(clock)
        self.topics = FaceTopics(hub, self.pacer)
        self.events = EventLog(self.topics, self.timers, clock, self.limits.resume_events)
        self.sessions: set[ClientSession] = set()
        self.listeners: set[Listener] = set()  # every client: sessions, event streams, relays
        self.counters: Counter[str] = Counter()
        self._clock = clock
        self._now_ms = now_ms
        self._running: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Faces {len(self.listeners)} clients, {len(self.topics)} topics>"

    @property
    def is_full(self) -> bool:
        """Whether no more clients are taken."""
        return len(self.listeners) >= self.limits.max_clients

    def new_session(self, wire: Wire) -> ClientSession:
        """Return the session of a new WebSocket client; give it back with `forget`."""
        session = ClientSession(
            wire,
            pacer=self.pacer,
            limits=self.limits,
            topics=self.topics,
            timers=self.timers,
            clock=self._clock,
            now_ms=self._now_ms,
        )
        self.sessions.add(session)
        self.welcome(session, "websocket")
        return session

    def welcome(self, listener: Listener, kind: str) -> None:
        """Count a new client of a kind ("websocket", "sse", "relay")."""
        self.listeners.add(listener)
        self.counters[f"opened_{kind}"] += 1

    async def forget(self, listener: Listener) -> None:
        """A client is gone: end what it holds."""
        self.listeners.discard(listener)
        if isinstance(listener, ClientSession):
            self.sessions.discard(listener)
        self.counters["messages"] += listener.messages_sent
        self.counters["closed_slow"] += listener.closed_slow
        await listener.stop()

    def connections(self) -> dict[str, Any]:
        """Return what /ws/connections tells (W6)."""
        subscriptions = [each for session in self.sessions for each in session.subscriptions.values()]
        return {
            "active_connections": len(self.sessions),
            "total_subscriptions": len(subscriptions),
            "subscribed_symbols": sorted({market for each in subscriptions for market in each.topics}),
        }

    def start(self) -> None:
        """Begin to send at intervals. Needs a running loop."""
        self._running = asyncio.get_running_loop().create_task(self.timers.run(), name="hub faces: timers")

    async def stop(self) -> None:
        """Close every client with 1001 and give up every topic."""
        await asyncio.gather(*(each.end(CloseCode.GOING_AWAY, "the hub stops") for each in tuple(self.listeners)))
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        for listener in tuple(self.listeners):
            await self.forget(listener)
        self.events.stop()
        await self.topics.stop()
