import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
import pytest

from hummingbot_extended.hub.event_loop import new_event_loop
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from test.hub.clients import Client
from test.hub.hand_fed import HandFedHub

ON_BOTH_LOOPS = {"test_slow_readers", "test_event_streams", "test_relay_face", "test_face_security"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The wires are tried on the loop of the hub's own process too: loops differ in when and how they write."""
    asyncios = {"asyncio": asyncio.new_event_loop}
    return asyncios | {"uvloop": new_event_loop} if item.path.stem in ON_BOTH_LOOPS else asyncios


@pytest.fixture
def hub() -> HandFedHub:
    return HandFedHub()


@pytest.fixture
async def server(hub: HandFedHub) -> AsyncIterator[HubServer]:
    async with HubServer(hub, FaceSettings(port=0)) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def client(server: HubServer) -> AsyncIterator[Client]:
    async with Client.at(server.ws_url + "/ws/stream") as client:
        yield client


@pytest.fixture
async def stack() -> AsyncIterator[contextlib.AsyncExitStack]:
    async with contextlib.AsyncExitStack() as stack:
        yield stack
