import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from test.hub.clients import Client
from test.hub.hand_fed import HandFedHub


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
