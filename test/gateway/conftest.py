"""A scripted server, and a client of it that keeps what it hears."""

from contextlib import asynccontextmanager
from typing import Any

import pytest

from hummingbot_extended.gateway import Event, EventEngine, EventListener, EventType, HummingbotClient
from test.gateway.server import KEY, scripted


class Ears(EventListener):
    """Keeps every event."""

    def __init__(self) -> None:
        super().__init__("ears", list(EventType))
        self.events: list[Event] = []

    def handle_event(self, event: Event) -> None:
        self.events.append(event)

    def of(self, event_type: EventType, **fields: Any) -> list[dict[str, Any]]:
        return [
            event.data
            for event in list(self.events)
            if event.type is event_type and all(event.data.get(name) == value for name, value in fields.items())
        ]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Short pauses between attempts."""
    monkeypatch.setattr("hummingbot_extended.gateway.link.FIRST_DELAY_S", 0.02)
    monkeypatch.setattr("hummingbot_extended.gateway.link.MAX_DELAY_S", 0.1)
    monkeypatch.setattr("hummingbot_extended.gateway.requester.RETRY_DELAY_S", 0.02)


@pytest.fixture
async def server():
    async with scripted() as running:
        yield running


@pytest.fixture
async def connect(server):
    """Make connected clients: `async with connect(option=…) as client`."""

    @asynccontextmanager
    async def make(connected=True, **options):
        engine, ears = EventEngine(), Ears()
        engine.register_listener(ears)
        engine.start()
        given = {"api_host": "127.0.0.1", "api_port": server.port, "api_key": KEY, "request_timeout": 1.0}
        client = HummingbotClient(engine, **{**given, **options})
        client.ears = ears
        try:
            if connected:
                await client.connect()
            yield client
        finally:
            await client.disconnect()
            engine.stop()

    return make


@pytest.fixture
async def client(connect):
    async with connect() as connected:
        yield connected
