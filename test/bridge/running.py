"""A bridge over a real connector on a real practice venue, and clients that keep what they hear."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hummingbot_extended.bridge.server import BridgeServer
from hummingbot_extended.bridge.settings import AccessKey, BridgeSettings
from hummingbot_extended.gateway import Event, EventEngine, EventListener, EventType, HummingbotClient
from test.connector.running import PAIR, Bot, Stage, stage

EXCHANGE = "extended_perpetual_local"
KEY = "k" * 40
__all__ = ["EXCHANGE", "KEY", "PAIR", "Bridged", "Ears", "bridged"]


class Ears(EventListener):
    """Keeps every event, in the order the engine handed them out."""

    def __init__(self) -> None:
        super().__init__("ears", list(EventType))
        self.events: list[Event] = []
        self._lock = threading.Lock()

    def handle_event(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)

    def of(self, event_type: EventType, **fields: Any) -> list[dict[str, Any]]:
        with self._lock:
            events = list(self.events)
        return [
            event.data
            for event in events
            if event.type is event_type and all(event.data.get(name) == value for name, value in fields.items())
        ]

    def orders(self, order_id: str) -> list[str]:
        return [data["status"] for data in self.of(EventType.ORDER_UPDATE, order_id=order_id)]

    def fills(self, **fields: Any) -> list[dict[str, Any]]:
        return self.of(EventType.TRADE_UPDATE, own=True, **fields)


class Bridged:
    """The venue, the connector and the bridge, whose pieces can be stopped and started again."""

    def __init__(self, venue: Stage, bot: Bot, settings: Mapping[str, Any], journal: Path | None) -> None:
        self.venue = venue
        self.bot = bot
        self._settings = settings
        self._journal = journal
        self.server: BridgeServer | None = None
        self.port = 0

    @property
    def connector(self) -> Any:
        return self.bot.connector

    async def start(self) -> None:
        """Start the bridge, after the first time on the port it had."""
        settings = {"keys": (AccessKey(name="test", secret=KEY),), "port": self.port, **self._settings}
        self.server = BridgeServer({EXCHANGE: self.connector}, BridgeSettings(**settings), journal=self._journal)
        await self.server.start()
        self.port = self.server.port

    async def stop(self, **how: Any) -> None:
        server, self.server = self.server, None
        if server is not None:
            await server.stop(**how)

    @asynccontextmanager
    async def client(self, ears: Ears | None = None, **arguments: Any) -> AsyncIterator[HummingbotClient]:
        """Connect a client; its events are in `client.ears`."""
        engine = EventEngine()
        ears = ears or Ears()
        engine.register_listener(ears)
        engine.start()
        given = {"api_host": "127.0.0.1", "api_port": self.port, "api_key": KEY, "max_requests_per_second": None}
        client = HummingbotClient(engine, **{**given, "max_orders_per_second": None, **arguments})
        client.ears = ears
        try:
            await client.connect()
            yield client
        finally:
            await client.disconnect()
            engine.stop()

    async def price(self) -> int:
        """The mark, as a whole number."""
        return int(await self.venue.mark())


@asynccontextmanager
async def bridged(
    venue: Mapping[str, Any] | None = None,
    journal: Path | None = None,
    connector: Callable[[Stage], Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Bridged]:
    """Run everything; `venue` are venue settings, `settings` the bridge's."""
    async with stage(**(venue or {})) as running, running.bot(connector(running) if connector else None) as bot:
        bridge = Bridged(running, bot, settings, journal)
        await bridge.start()
        try:
            yield bridge
        finally:
            await bridge.stop(cancel=False)


async def settle(turns: int = 5) -> None:
    """Give the loop some turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
